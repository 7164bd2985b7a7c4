"""A server as a child process: messages by lines on its standard streams, and nothing of it left afterwards."""

import asyncio
import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bartizan.model.errors import LimitExceededError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Message
from bartizan.protocol.framing import Lines

REAPER = Path(__file__).with_name("reaper.py")
_READ_BYTES = 64 * 1024
_WORD_BYTES = 4096  # the longest word that is left out whole where output is cut
_BLANK = re.compile(rb"\s")
_INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")


def minimal_environment() -> dict[str, str]:
    """What a program needs to run at all; everything else is for the server's configuration to give."""
    return {name: value for name in _INHERITED if (value := os.environ.get(name))}


class StdioTransport:
    """One server process. `environment` is all that it gets, beside `minimal_environment` unless `bare`.

    A supervisor (`reaper.py`) stands between: closing ends every descendant of the command, wherever it hid.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: str | None = None,
        bare: bool = False,
        limits: Limits = DEFAULT,
    ) -> None:
        self._spec = {
            "command": list(command),
            "environment": dict(environment) if bare else minimal_environment() | dict(environment),
            "directory": directory,
            "grace_seconds": limits.stop_seconds_max / 3,
            "kill_seconds": limits.stop_seconds_max,
        }
        self._limits = limits
        self._lines = Lines(limits)
        self._ready: list[bytes] = []
        self._bytes = 0
        self._stderr = Ends(limits.stderr_bytes_max)
        self._process: asyncio.subprocess.Process | None = None
        self._control: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[bytes] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.left_behind = ""
        self.pid = 0
        self._ended: asyncio.Future[str] | None = None

    async def open(self) -> None:
        """Start it. Raises OSError when the command cannot be started."""
        ours, theirs = socket.socketpair()
        self._ended = asyncio.get_running_loop().create_future()
        with theirs:
            reader, self._control = await asyncio.open_connection(sock=ours)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(REAPER), str(theirs.fileno())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.defpath},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                limit=_READ_BYTES,
            )
        self._control.write(json.dumps(self._spec).encode() + b"\n")
        await self._control.drain()
        status = (await reader.readline()).decode("utf-8", "replace").strip()
        if not status.startswith("started "):
            raise OSError(f"cannot be started: {status.removeprefix('failed ') or 'the supervisor ended'}")
        self.pid = int(status.removeprefix("started "))
        self._tasks = [asyncio.create_task(self._watch(reader)), asyncio.create_task(self._drain_stderr())]

    async def send(self, message: Message) -> None:
        """Write one line. That the server no longer reads shows when receiving."""
        writer = self._running().stdin
        if writer is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                writer.write(message.body + b"\n")
                await writer.drain()

    async def receive(self) -> bytes:
        """The next line. Raises EOFError with how the process ended, or LimitExceededError."""
        while not self._ready:
            self._ready = self._lines.feed(await self._read())[::-1]
        return self._ready.pop()

    async def _read(self) -> bytes:
        """What came on standard output; what the command wrote before its end is read first."""
        stdout = self._running().stdout
        if stdout is None or self._ended is None:
            raise EOFError("not open")
        if self._reading is None:  # it outlives a caller that gives up waiting, so no byte is lost
            self._reading = asyncio.create_task(stdout.read(_READ_BYTES))
        await asyncio.wait((self._reading, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if not self._reading.done():  # the command has ended, yet something may still hold its output open
            await asyncio.wait((self._reading,), timeout=self._limits.stop_seconds_max / 10)
        data = b""
        if self._reading.done():
            data, self._reading = self._reading.result(), None
        if not data:
            raise EOFError(await self._how_it_ended())
        self._bytes += len(data)
        if self._bytes > self._limits.probe_bytes_max:
            raise LimitExceededError("probe_bytes_max", self._limits.probe_bytes_max)
        return data

    async def _how_it_ended(self) -> str:
        with contextlib.suppress(TimeoutError):
            if self._ended is not None:
                async with asyncio.timeout(self._limits.stop_seconds_max / 10):
                    await asyncio.wait((self._ended,))
        half = " in the middle of a message" if self._lines.unfinished else ""
        if self._ended is None or not self._ended.done():
            return f"closed its output{half}"
        return f"{self._ended.result()}{half}"

    async def close(self) -> None:
        """Close its input, wait, then end it and all its descendants. Never raises for what they do."""
        process, self._process = self._process, None
        if self._control is not None:
            if process is not None and process.stdin is not None:
                process.stdin.close()
            self._control.close()
        await _cancel(*self._tasks, *([self._reading] if self._reading else []))
        if process is not None:
            await self._collect(process)

    async def _collect(self, process: asyncio.subprocess.Process) -> None:
        """Wait for the supervisor. What still comes is thrown away, so that no full pipe holds anybody up."""
        throwing = [asyncio.create_task(_throw_away(stream)) for stream in (process.stdout, process.stderr)]
        ended = asyncio.create_task(process.wait())
        await asyncio.wait((ended,), timeout=self._limits.stop_seconds_max * 3)
        if not ended.done():
            process.kill()
            await asyncio.wait((ended,), timeout=self._limits.stop_seconds_max)
        if process.returncode:
            self.left_behind = f"its supervisor ended with {process.returncode}: a process of it may be left"
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  # pipes that somebody else holds, too
        await _cancel(ended, *throwing)

    def diagnostics(self) -> str:
        """The beginning and the end of what it wrote to standard error."""
        return self._stderr.text()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise EOFError("not open")
        return self._process

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        line = (await reader.readline()).decode("utf-8", "replace").strip()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(_said(line))

    async def _drain_stderr(self) -> None:
        stream = self._running().stderr
        while stream is not None and (data := await stream.read(_READ_BYTES)):
            self._stderr.add(data)


def _said(line: str) -> str:
    code = line.removeprefix("exited ")
    if not line or code == line:
        return "its supervisor was ended"
    return f"ended by signal {code[1:]}" if code.startswith("-") else f"ended with exit code {code}"


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _throw_away(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_READ_BYTES):
        pass


class Ends:
    """The first and the last bytes of a stream, at most `most` in all."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head, self._tail = bytearray(), bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Take more of it."""
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if (excess := len(self._tail) - self._half) > 0:
            del self._tail[:excess]
            self._dropped += excess

    def text(self) -> str:
        """What is kept, and how much is not."""
        head, tail, dropped = bytes(self._head), bytes(self._tail), self._dropped
        if dropped:  # half a secret would not be known for one
            last, first = _BLANK.search(head[::-1][:_WORD_BYTES]), _BLANK.search(tail[:_WORD_BYTES])
            ends = last.start() if last else _WORD_BYTES, first.start() if first else _WORD_BYTES
            kept = head[: max(len(head) - ends[0], 0)], tail[ends[1] :]
            gap = f"\n… {dropped + len(head + tail) - sum(map(len, kept))} bytes left out …\n".encode()
            head, tail = kept[0] + gap, kept[1]
        return (head + tail).decode("utf-8", "replace")
