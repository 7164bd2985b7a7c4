"""Sessions that call `echo` through a gateway, each again when it is answered; every answer is checked.

    python bench/gateway/load.py URL --sessions 16 --size 1024 --seconds 3 --era modern --pid PID

Prints one JSON object: calls per CPU second of the process PID and its children, and of the best of short windows; the
median and the 95th percentile of the wait; memory. `--header` gives headers beside those of the protocol, `--tool`
another name of the tool.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httptools
import msgspec
from upstream import MODERN, runner
from usage import cpu_seconds, resident_mb, run_seconds

LEGACY = "2025-06-18"  # the latest that every peer speaks
FIRST_ID = 1_000_000_000  # ids of one width, so that every body of a session is of one length
OPENING_SECONDS = 30.0
SLOW_ROUNDS = 10
WINDOW_SECONDS, WINDOW_CALLS_MIN = 0.2, 20
META = "io.modelcontextprotocol/"
WORDS = "The quick brown fox jumps over the lazy dog. "


class NotUnderstoodError(Exception):
    """What came back is not the answer to what was asked."""


class Session(asyncio.Protocol):
    """One connection: opened with a few calls that are waited for, then calling without an end."""

    def __init__(self, given: argparse.Namespace, number: int) -> None:
        self.given, self.number, self.calls = given, number, 0
        self.waits, self.body, self.headers = list[float](), list[bytes](), dict[str, str]()
        self.done: Callable[[bytes], None] = lambda _body: None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.parts: tuple[bytes, bytes, bytes] = b"", b"", b""
        self.mark, self.sent, self.measuring = b"", 0.0, False

    # Called by the event loop and the parser

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_exception(NotUnderstoodError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except Exception as error:
            if not self.lost.done():
                self.lost.set_exception(error)
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        self.body.clear()
        self.done(body)

    # Opening

    async def open(self) -> None:
        """Shake hands where the era does, find the tool, and prepare the call."""
        more = {"MCP-Protocol-Version": MODERN}
        if self.given.era == "legacy":
            params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
            opened = await self.ask({}, {"id": 0, "method": "initialize", "params": params})
            more = {"MCP-Protocol-Version": opened["result"]["protocolVersion"]}
            if "mcp-session-id" in self.headers:
                more["Mcp-Session-Id"] = self.headers["mcp-session-id"]
            await self.ask(more, {"method": "notifications/initialized"})
        tool = self.given.tool or await self.found(more)
        self.prepare(more, tool)

    async def found(self, more: dict[str, str]) -> str:
        """The name under which the gateway offers the tool."""
        asked = {"id": "tools", "method": "tools/list", "params": self.params({})}
        listed = await self.ask({**more, **self.mirrored("tools/list")}, asked)
        return next(tool["name"] for tool in listed["result"]["tools"] if "echo" in tool["name"])

    def params(self, given: dict[str, Any]) -> dict[str, Any]:
        """Parameters with what the modern era has in every request."""
        if self.given.era == "legacy":
            return given
        meta = {"protocolVersion": MODERN, "clientCapabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
        return {**given, "_meta": {META + name: value for name, value in meta.items()}}

    def mirrored(self, method: str, name: str = "") -> dict[str, str]:
        if self.given.era == "legacy":
            return {}
        return {"Mcp-Method": method, **({"Mcp-Name": name} if name else {})}

    async def ask(self, more: dict[str, str], message: dict[str, Any]) -> Any:
        """One message that is waited for; its answer, None where none came."""
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.done = came.set_result
        self.parser = httptools.HttpResponseParser(self)
        body = msgspec.json.encode({"jsonrpc": "2.0", **message})
        self.transport.write(self.head(more) + b"%d\r\n\r\n" % len(body) + body)
        async with asyncio.timeout(OPENING_SECONDS):
            await asyncio.wait((came, self.lost), return_when=asyncio.FIRST_COMPLETED)
            if self.lost.done():
                self.lost.result()
        status, said = self.parser.get_status_code(), came.result()
        if status >= 300:
            raise NotUnderstoodError(f"{message['method']}: {status} {said[:200]!r}")
        return msgspec.json.decode(payload(said)) if said.strip() else None

    def head(self, more: dict[str, str]) -> bytes:
        url = urlsplit(self.given.url)
        headers = {
            "Host": url.netloc,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **more,
            **dict(line.split(": ", 1) for line in self.given.header),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {url.path} HTTP/1.1\r\n{lines}Content-Length: ".encode()

    # Calling

    def prepare(self, more: dict[str, str], tool: str) -> None:
        """The bytes of a call, but for its id and its mark."""
        fill = (WORDS * (self.given.size // len(WORDS) + 1))[: self.given.size]
        arguments = {"text": "M" * 20 + fill}
        message = {"jsonrpc": "2.0", "id": FIRST_ID, "method": "tools/call"}
        body = msgspec.json.encode({**message, "params": self.params({"name": tool, "arguments": arguments})})
        head = self.head({**more, **self.mirrored("tools/call", tool)}) + b"%d\r\n\r\n" % len(body)
        before, rest = body.split(b"%d" % FIRST_ID)
        middle, after = rest.split(b"M" * 20)
        self.parts = head + before, middle, after

    def call(self) -> None:
        number = self.calls
        self.mark = b"%08d-%010d:" % (self.number, number)
        before, middle, after = self.parts
        self.parser = httptools.HttpResponseParser(self)
        self.sent = time.perf_counter()
        self.transport.write(b"".join((before, b"%d" % (FIRST_ID + number), middle, self.mark, after)))

    def answered(self, body: bytes) -> None:
        now = time.perf_counter()
        status = self.parser.get_status_code()
        if status != 200 or self.mark not in body or len(body) < self.given.size or b'"isError":true' in body:
            raise NotUnderstoodError(f"{status} {body[:200]!r}")
        self.calls += 1
        if self.measuring:
            self.waits.append(now - self.sent)
        self.call()

    def start(self) -> None:
        self.done = self.answered
        self.call()


def payload(body: bytes) -> bytes:
    """The JSON of an answer, whole or as the one event of a stream."""
    if body.lstrip()[:1] == b"{":
        return body
    return next(line[5:] for line in body.splitlines() if line.startswith(b"data:") and b"jsonrpc" in line)


async def windows(sessions: list[Session], given: argparse.Namespace) -> list[float]:
    """Calls a CPU second of each short window: the best of them is what neighbours on the machine disturbed least."""
    rates, until = list[float](), time.perf_counter() + given.seconds
    while (left := until - time.perf_counter()) > 0:
        calls, used = sum(one.calls for one in sessions), run_seconds(given.pid)
        lost = [one.lost for one in sessions]
        await asyncio.wait(lost, timeout=min(WINDOW_SECONDS, left), return_when=asyncio.FIRST_EXCEPTION)
        calls, used = sum(one.calls for one in sessions) - calls, run_seconds(given.pid) - used
        if calls >= WINDOW_CALLS_MIN and used > 0:
            rates.append(calls / used)
    return rates


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    loop, url = asyncio.get_running_loop(), urlsplit(given.url)
    sessions = [Session(given, number) for number in range(given.sessions)]
    for session in sessions:
        await loop.create_connection(lambda one=session: one, url.hostname, url.port)
        await session.open()
    for session in sessions:
        session.start()
    await asyncio.sleep(min(1.0, given.seconds / 3))
    for session in sessions:
        session.measuring = True
    calls, used, begun = sum(one.calls for one in sessions), cpu_seconds(given.pid), time.perf_counter()
    rates = list[float]()
    for _ in range(SLOW_ROUNDS):  # peers may be so slow that no call ends in the first
        rates += await windows(sessions, given)
        if sum(one.calls for one in sessions) > calls:
            break
    calls, used = sum(one.calls for one in sessions) - calls, cpu_seconds(given.pid) - used
    wall = time.perf_counter() - begun
    for session in sessions:
        if session.lost.done():
            session.lost.result()
    waits = sorted(wait for one in sessions for wait in one.waits) or [0.0]
    return {
        "calls": calls,
        "calls_cpu_second": calls / used if used else 0.0,
        "best_cpu_second": max(rates, default=0.0),
        "calls_second": calls / wall,
        "p50_ms": waits[len(waits) // 2] * 1_000,
        "p95_ms": waits[len(waits) * 95 // 100] * 1_000,
        "resident_mb": resident_mb(given.pid),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--size", type=int, default=1024, help="bytes of the text, which comes back")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--era", choices=["legacy", "modern"], default="legacy")
    parser.add_argument("--tool", default="")
    parser.add_argument("--header", action="append", default=[])
    given = parser.parse_args()
    try:
        with runner() as loop:
            result = loop.run(measure(given))
    except (NotUnderstoodError, OSError, TimeoutError, StopIteration, httptools.HttpParserError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
