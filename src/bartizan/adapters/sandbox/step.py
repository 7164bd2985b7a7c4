"""Step: one run of npm or pip in the fetching box, whose only way out is our proxy, inside every limit."""

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bartizan.adapters.sandbox.box import OWN, Box, Mount, enclose, interpreter
from bartizan.adapters.sandbox.cache import size_of
from bartizan.adapters.sandbox.egress import Destination, EgressProxy
from bartizan.model.limits import Limits
from bartizan.ports import SandboxError
from bartizan.text.normalise import show

_PORT = 3128
_SOCKET = f"{OWN}/egress.sock"
PROXY = f"http://127.0.0.1:{_PORT}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One run of npm or pip in the fetching box."""

    command: tuple[str, ...]
    mounts: tuple[Mount, ...]
    environment: dict[str, str]
    allowed: frozenset[Destination]
    upstream: Destination | None
    search: tuple[str, ...] = ()


async def run_step(bwrap: str, work: Path, step: Step, name: str, limits: Limits) -> str:
    """Run one step to its end, inside every limit; `name` is the package. Gives its standard output.

    Raises SandboxError: what went wrong, and what was refused.
    """
    for folder in ("tree", "tmp"):
        (work / folder).mkdir(exist_ok=True)
    stop = asyncio.Event()
    proxy = EgressProxy(step.allowed, limits, upstream=step.upstream, full=stop.set)
    # Not below `work`: the address of a socket has room for about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="bartizan-") as folder:
        socket = f"{folder}/egress.sock"
        async with proxy.serving(socket):
            outlet = Mount(source=socket, target=_SOCKET)
            whole = msgspec.structs.replace(step, mounts=(outlet, *step.mounts))
            code, output, errors = await _in_box(bwrap, work, whole, stop, limits)
    stopped = stop.is_set() or await asyncio.to_thread(size_of, work) > limits.fetch_bytes_max
    if code or stopped:
        raise SandboxError(_failure(name, code, errors, proxy.refused, stopped=stopped))
    return output


async def _in_box(bwrap: str, work: Path, step: Step, stop: asyncio.Event, limits: Limits) -> tuple[int, str, str]:
    box = Box(
        mounts=(
            Mount(source=str(work / "tree"), target="/fetch/tree", writable=True),
            Mount(source=str(work / "tmp"), target="/fetch/tmp", writable=True),
            *step.mounts,
        ),
        directory="/fetch/tree",
        environment={**step.environment, "TMPDIR": "/fetch/tmp"},
        search=step.search,
        file_bytes=limits.fetch_bytes_max,
        cpu_seconds=int(limits.fetch_seconds_max),
        owned=True,
    )
    relay = (interpreter(), "-I", "-S", f"{OWN}/relay.py", _SOCKET, str(_PORT), "--")
    process = await asyncio.create_subprocess_exec(
        *enclose(bwrap, box, (*relay, *step.command), limits),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    most = limits.stderr_bytes_max
    outputs = asyncio.gather(_tail(process.stdout, limits.message_bytes_max), _tail(process.stderr, most))
    watching = asyncio.create_task(_watch(work, stop, limits))
    try:
        await asyncio.wait({outputs, watching}, timeout=limits.fetch_seconds_max, return_when=asyncio.FIRST_COMPLETED)
        if not outputs.done():
            stop.set()
    finally:
        watching.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill() if not outputs.done() else None
        output, errors = await outputs
        code = await process.wait()
    return code, output, errors


async def _watch(work: Path, stop: asyncio.Event, limits: Limits) -> None:
    """End when the step has taken more than it may, on the wire or on the disk."""
    while not stop.is_set():
        if await asyncio.to_thread(size_of, work) > limits.fetch_bytes_max:
            stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)


def _failure(name: str, code: int, errors: str, refused: Sequence[str], *, stopped: bool) -> str:
    if stopped:
        return f"fetching {name} was stopped: fetch_seconds_max or fetch_bytes_max reached"
    hosts = ", ".join(show(host, most=100) for host in dict.fromkeys(refused))
    if hosts:
        return f"fetching {name} was refused {hosts}: not a host of the configured index"
    lines = [line for line in errors.splitlines() if line.strip()]
    if "--only-binary" in errors or any("no matching distribution" in line.lower() for line in lines):
        return f"skipped: there is no built wheel of {name} or of what it needs for this Python"
    said = show(" / ".join(lines[-4:]), most=600)
    return f"fetching {name} failed with exit code {code}: {said}"


async def _tail(stream: asyncio.StreamReader, most: int) -> str:
    kept = b""
    while block := await stream.read(65_536):
        kept = (kept + block)[-most:]
    return kept.decode("utf-8", "replace")
