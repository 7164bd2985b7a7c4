"""What is measured: how each is started, and which guards are on in it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
INSTALL_SECONDS = 900
END_SECONDS = 10.0


class NotMeasuredError(Exception):
    """Why a target has no figures."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is started with: a folder of its own, where peers are installed, and the upstream's address."""

    folder: Path
    cache: Path
    upstream: str


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A target that answers at `url`; `headers` are what a client must show."""

    process: subprocess.Popen[str]
    url: str
    headers: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `guards` says in words what it does with a call, `package` where it comes from."""

    name: str
    guards: str
    start: Callable[[Place], Running]
    package: str = ""
    eras: tuple[str, ...] = ("legacy",)


def spawn(command: Sequence[str | Path], *, cpu: int, env: dict[str, str] | None = None, log: Path | None = None):
    """Start a process in a group of its own, on one core where there are several."""
    pinned = ["taskset", "-c", str(cpu)] if shutil.which("taskset") and len(os.sched_getaffinity(0)) > 1 else []
    output = log.open("w") if log else subprocess.DEVNULL
    return subprocess.Popen(
        [*pinned, *map(str, command)], env=env, stdout=output, stderr=output, text=True, start_new_session=True
    )


def end(process: subprocess.Popen[str]) -> None:
    """End a process with everything that it started."""
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for_port(process: subprocess.Popen[str], port: int, seconds: float, log: Path) -> None:
    """Wait till something listens. Raises NotMeasuredError with the last that the process said."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    end(process)
    said = log.read_text().strip().splitlines() or ["nothing said"]
    raise NotMeasuredError(f"does not start: {said[-1][:200]}")


def installed(name: str, package: str, cache: Path) -> Path:
    """The folder of programs of a virtual environment with the package; made once. Raises NotMeasuredError."""
    home = cache / name
    done = home / ".installed"
    if not done.exists() or done.read_text().strip() != package:
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", *package.split()])
        done.write_text(package)
    return home / "bin"


def version_of(programs: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([programs / "python", "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"not installed within {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotMeasuredError(f"not installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
