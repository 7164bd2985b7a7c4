"""Clients that are too many, too slow or gone, before the real gateway: it stays up, answers others, stays small."""

import asyncio
import contextlib
import json
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bartizan.model.limits import DEFAULT
from fixtures.running import Gateway, fronting
from fixtures.scripted import Said, Seen, scripted

pytestmark = pytest.mark.slow
MEGABYTE = 1024 * 1024
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


def memory(gateway: Gateway, which: str) -> int:
    """`VmRSS` or `VmHWM` of the gateway's process, in bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc, to see what a process holds")
    line = next(one for one in status.read_text().splitlines() if one.startswith(which))
    return int(line.split()[1]) * 1024


def request(gateway: Gateway, *lines: bytes) -> bytes:
    host = b"host: 127.0.0.1:%d" % gateway.port
    return b"\r\n".join([b"POST /servers/peer/mcp HTTP/1.1", host, b"content-type: application/json", *lines, b"", b""])


def served(gateway: Gateway) -> float:
    """How long a good client waits for its answer; infinite where it gets none."""
    begun = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", gateway.port), 5) as one:
            one.sendall(request(gateway, b"content-length: %d" % len(PING)) + PING)
            return time.monotonic() - begun if one.recv(64).startswith(b"HTTP/1.1 200 ") else float("inf")
    except OSError:
        return float("inf")


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in time."""
    end = threading.Event()
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        end.wait(0.05)
    return True


def answer(seen: Seen) -> Said:
    return Said(json.dumps({"jsonrpc": "2.0", "id": json.loads(seen.body)["id"], "result": {}}).encode())


@pytest.fixture
def gateway(tmp_path):
    with scripted(answer) as server, fronting(tmp_path, {"peer": server.url}) as running:
        assert served(running) < 5
        yield running


class Crowd:
    """Many clients at once, on a loop of their own."""

    def __init__(self, gateway: Gateway) -> None:
        self.port = gateway.port
        self.ended = 0
        self.said: list[bytes] = []

    async def one(self, first: bytes, drop: bytes, every: float) -> None:
        """Send something, then a byte from time to time, until the gateway ends it."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            self.ended += 1
            return
        reading = asyncio.ensure_future(reader.read(200))
        try:
            writer.write(first)
            while not reading.done():
                await asyncio.wait([reading], timeout=every)
                if drop and not reading.done():
                    writer.write(drop)
            self.said.append(reading.result())
        except OSError:
            pass
        finally:
            self.ended += 1
            reading.cancel()
            writer.transport.abort()


def test_clients_that_send_by_drops_are_let_go_and_others_are_answered_meanwhile(gateway):
    heads, bodies = Crowd(gateway), Crowd(gateway)
    begun = request(gateway, b"content-length: 100000")

    async def all_of_them() -> tuple[list[float], float]:
        loop, waits = asyncio.get_running_loop(), []
        start = loop.time()
        begin = b"POST /servers/peer/mcp HTTP/1.1\r\nx: "
        slow = [asyncio.ensure_future(heads.one(begin, b"a", 0.5)) for _ in range(200)]
        slow += [asyncio.ensure_future(bodies.one(begun, b" ", 0.5)) for _ in range(200)]
        without_heads = 0.0
        while heads.ended + bodies.ended < 400 and loop.time() < start + DEFAULT.request_body_seconds_max + 20:
            waits.append(await asyncio.to_thread(served, gateway))
            await asyncio.wait(slow, timeout=2)
            if heads.ended == 200:
                without_heads = without_heads or loop.time() - start
        return waits, without_heads

    waits, without_heads = asyncio.run(all_of_them())
    assert (heads.ended, bodies.ended) == (200, 200)
    assert without_heads < DEFAULT.request_head_seconds_max + 15
    assert max(waits) < 3
    assert {said[:12] for said in heads.said + bodies.said} <= {b"HTTP/1.1 408", b""}


def test_ten_thousand_connections_are_bounded_and_when_they_are_gone_others_are_served(tmp_path):
    """As many as the limit of open files allows; the gateway takes `connections_max` of them and refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = min(10_000, hard - 500)
    try:
        with scripted(answer) as server, fronting(tmp_path, {"peer": server.url}) as gateway:
            assert served(gateway) < 5
            before = memory(gateway, "VmRSS")
            asyncio.run(crowded(gateway, most))
            assert until(lambda: served(gateway) < 5, 30)
            assert memory(gateway, "VmHWM") - before < 150 * MEGABYTE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def crowded(gateway: Gateway, most: int) -> None:
    loop = asyncio.get_running_loop()
    held: list[socket.socket] = []
    try:
        for number in range(most):
            one = socket.socket()
            one.setblocking(False)
            held.append(one)
            with contextlib.suppress(OSError):
                await asyncio.wait_for(loop.sock_connect(one, ("127.0.0.1", gateway.port)), 20)
            if number % 2:
                with contextlib.suppress(OSError):
                    await loop.sock_sendall(one, b"POST /servers/peer/mcp HTTP/1.1\r\n")
        assert gateway.process.poll() is None
        if most > DEFAULT.connections_max:
            assert await asyncio.to_thread(served, gateway) == float("inf")
    finally:
        for one in held:
            one.close()


def test_bodies_that_never_end_hold_a_bounded_part_of_memory_however_often_they_come(gateway):
    """Eighty clients announce and send 8 MB each, all but the last byte: more than the gateway will hold."""
    before, peaks = memory(gateway, "VmRSS"), []
    data = b" " * (8 * MEGABYTE - 1)
    for _ in range(3):
        with contextlib.ExitStack() as held:
            for _ in range(80):
                one = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 20))
                with contextlib.suppress(OSError):  # refused, and gone
                    one.sendall(request(gateway, b"content-length: %d" % (8 * MEGABYTE)) + data)
            peaks.append(memory(gateway, "VmHWM") - before)
        assert until(lambda: served(gateway) < 5, 30)
    assert peaks[0] < DEFAULT.requests_held_bytes_max + 100 * MEGABYTE
    assert peaks[-1] < peaks[0] + 100 * MEGABYTE


def test_a_client_that_goes_leaves_nothing_of_its_request_behind(tmp_path):
    """A hundred clients, one after the other, send 3 MB to a server that does not answer, and are gone."""
    waiting = threading.Event()

    def silent(seen: Seen) -> Said:
        waiting.wait(60)
        return answer(seen)

    with scripted(silent) as server, fronting(tmp_path, {"peer": server.url}) as gateway:
        before = memory(gateway, "VmRSS")
        for number in range(100):
            params = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"%d%b"}}' % (number, b"x" * 3 * MEGABYTE)
            with socket.create_connection(("127.0.0.1", gateway.port), 20) as one:
                one.sendall(request(gateway, b"content-length: %d" % len(params)) + params)
                assert until(lambda count=number: len(server.seen) > count, 20)
        server.seen.clear()
        assert memory(gateway, "VmHWM") - before < 80 * MEGABYTE
        waiting.set()


def test_a_flood_of_noise_fills_neither_memory_nor_the_journal(gateway):
    before, journal = memory(gateway, "VmRSS"), gateway.folder / "state" / "events.db"
    for number in range(3000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", gateway.port), 5) as one:
            one.sendall(struct.pack(">I", number) * 50 + b"\r\n\r\n")
            one.recv(64)
    assert served(gateway) < 3
    assert memory(gateway, "VmHWM") - before < 50 * MEGABYTE
    assert sum(file.stat().st_size for file in journal.parent.glob("events.db*")) < 20 * MEGABYTE


class Endless:
    """A server whose every answer is a stream without end, as fast as it is read. `open` is how many there are."""

    EVENT = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"' + b"x" * 60_000 + b'"}}\n\n'

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/mcp"
        self.open, self.most, self.sent = 0, 0, 0
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._stream, args=(self.listening.accept()[0],), daemon=True).start()

    def _stream(self, one: socket.socket) -> None:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        with one, contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            one.recv(65536)
            one.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                one.sendall(b"%x\r\n%b\r\n" % (len(self.EVENT), self.EVENT))
                self.sent += len(self.EVENT)
        with self.lock:
            self.open -= 1


def test_streams_that_nobody_reads_hold_their_servers_back_and_end_with_their_clients(tmp_path):
    """Half of the clients vanish without a word, half say that they will send no more: each ends its stream."""
    server = Endless()
    with server.listening, fronting(tmp_path, {"peer": server.url}) as gateway:
        before, clients = memory(gateway, "VmRSS"), []
        for _ in range(30):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            one.connect(("127.0.0.1", gateway.port))
            one.sendall(request(gateway, b"content-length: %d" % len(PING), b"accept: text/event-stream") + PING)
            clients.append(one)
        assert until(lambda: server.most == 30, 30)
        assert until(lambda: still(server), 30)
        assert memory(gateway, "VmHWM") - before < 100 * MEGABYTE
        for number, one in enumerate(clients):
            if number % 2:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no farewell
                one.close()
            else:
                one.shutdown(socket.SHUT_WR)
        assert until(lambda: server.open == 0, 90)
        for one in clients:
            one.close()
        assert gateway.process.poll() is None


def still(server: Endless) -> bool:
    """Whether nothing more is sent."""
    before = server.sent
    threading.Event().wait(1)
    return server.sent == before
