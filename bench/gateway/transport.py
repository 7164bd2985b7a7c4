"""The listener and the pool alone: calls a CPU second with nothing between them but a handler that passes on.

    python bench/gateway/transport.py [--seconds 3] [--loop asyncio|uvloop]

Three processes on loopback: sessions that each call again when they are answered, the gateway's transports, and an echo
server that parses as little as it may. What counts is CPU time of the transports' process; the ratio is to the echo
server's own, called directly. Exits with 1 when 16 sessions of 1 KB make fewer than 18,000 calls a CPU second.
"""

import argparse
import asyncio
import importlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httptools

from bartizan.adapters.transports.listener import Answer, Listener, Request
from bartizan.adapters.transports.pool import Upstream
from bartizan.model.limits import Limits

AIM = 18_000
HOPS = frozenset({"host", "content-length", "connection", "user-agent", "accept-encoding"})
TICKS = os.sysconf("SC_CLK_TCK")


class Echo(asyncio.Protocol):
    """The upstream: gives back the body."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.body = transport, list[bytes]()
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        body, self.body = b"".join(self.body), []
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


class Session(asyncio.Protocol):
    """A client: calls again when it is answered, and checks that the answer is its own."""

    def __init__(self, size: int) -> None:
        self.calls, self.expected, self.sent, self.said = 0, b"", 0.0, list[bytes]()
        self.fill, self.waits = b"x" * (size - 8), list[float]()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.call()

    def call(self) -> None:
        self.expected = b"%08d" % self.calls + self.fill
        self.parser, self.sent = httptools.HttpResponseParser(self), time.perf_counter()
        self.transport.write(
            b"POST /servers/echo/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\n"
            b"Mcp-Session-Id: 0123456789abcdef\r\nContent-Length: %d\r\n\r\n" % len(self.expected) + self.expected
        )

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.said.append(data)

    def on_message_complete(self) -> None:
        if b"".join(self.said) != self.expected:
            sys.exit("an answer is not the one to its call")
        self.said.clear()
        self.waits.append(time.perf_counter() - self.sent)
        self.calls += 1
        self.call()


async def echo() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def transports(port: int) -> None:
    limits = Limits()
    upstream = Upstream(f"http://127.0.0.1:{port}/mcp", limits)

    async def handler(request: Request) -> Answer:
        sent = [header for header in request.headers if header[0] not in HOPS]
        answer = await upstream.send(request.method, sent, request.body)
        whole = answer.whole
        return Answer(status=answer.status, headers=answer.headers, body=answer.body if whole is None else whole)

    listener = Listener("127.0.0.1", 0, handler, limits)
    await listener.start()
    print(listener.port, flush=True)
    await asyncio.Event().wait()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def load(port: int, pid: int, sessions: int, size: int, seconds: float) -> tuple[float, float]:
    """Calls a CPU second of the process, and the median wait in milliseconds."""
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(lambda: Session(size), "127.0.0.1", port) for _ in range(sessions)]
    await asyncio.sleep(seconds / 4)
    calls, used = sum(session.calls for _, session in pairs), cpu(pid)
    await asyncio.sleep(seconds)
    calls, used = sum(session.calls for _, session in pairs) - calls, cpu(pid) - used
    waits = sorted(wait for _, session in pairs for wait in session.waits)
    for transport, _ in pairs:
        transport.abort()
    return calls / used, waits[len(waits) // 2] * 1000


def runner(loop: str) -> asyncio.Runner:
    if loop == "uvloop":
        return asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop)
    return asyncio.Runner()


def start(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)
    return process, int((process.stdout or sys.exit()).readline())


def measure(loop: str, seconds: float) -> float:
    """Print a table; gives the figure that the aim is about."""
    server, port = start("--role", "echo", "--loop", loop)
    between, our_port = start("--role", "transports", "--port", str(port), "--loop", loop)
    reached = 0.0
    try:
        for size in (1024, 65536):
            for sessions in (1, 16, 64):
                with runner(loop) as loops:
                    direct, direct_wait = loops.run(load(port, server.pid, sessions, size, seconds))
                    ours, our_wait = loops.run(load(our_port, between.pid, sessions, size, seconds))
                print(
                    f"{loop} {size // 1024:2} KB {sessions:2} sessions: {ours:6.0f} calls/CPU-s, direct {direct:6.0f}, "
                    f"ratio {ours / direct:.2f}; median {our_wait:.2f} ms, direct {direct_wait:.2f} ms"
                )
                if (size, sessions) == (1024, 16):
                    reached = ours
    finally:
        for process in (between, server):
            process.kill()
            process.wait()
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fast = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default=fast)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--role", choices=["echo", "transports"])
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    if given.role:
        with runner(given.loop) as loops:
            loops.run(echo() if given.role == "echo" else transports(given.port))
    return 0 if measure(given.loop, given.seconds) >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
