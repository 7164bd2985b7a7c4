"""The pool towards one server: connections are used again, nothing is sent twice, nothing is waited for without end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from bartizan.adapters.transports.http1 import AddressRefusedError
from bartizan.adapters.transports.outbound import public_only
from bartizan.adapters.transports.pool import Upstream
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import Limits

LIMITS = Limits(
    upstream_connections_max=2,
    upstream_head_seconds_max=0.1,
    upstream_seconds_max=0.3,
    upstream_idle_seconds_max=0.1,
    header_bytes_max=2000,
)
PATIENT = Limits()
Script = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


class Server:
    """A server that is written byte by byte. `connections` counts, `ended` tells of the first that the client ended."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections, self.heads, self.ended, self.url = 0, list[bytes](), asyncio.Event(), ""
        self._handling: set[asyncio.Task[None] | None] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._handling.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.heads.append(head)
                body = await reader.readexactly(int(length or b"0"))
                await self._script(self, reader, writer, body)
        self.ended.set()
        writer.transport.abort()


async def echo(server: Server, reader, writer, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def says(*pieces: bytes, then_close: bool = False) -> Script:
    async def script(server: Server, reader, writer, body: bytes) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then_close:
            writer.close()

    return script


def talk(client, script: Script = echo, limits: Limits = LIMITS):
    """Run `client` with a pool towards a server that follows `script`."""

    async def run():
        server = Server(script)
        listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp?a=b"
        upstream = Upstream(server.url, limits)
        try:
            async with asyncio.timeout(20):
                return await client(upstream, server)
        finally:
            upstream.close()
            listening.close()

    return asyncio.run(run())


async def ask(upstream: Upstream, body: bytes = b"hi", **more) -> bytes:
    answer = await upstream.send("POST", (("x", "y"),), body, **more)
    return await answer.read(10_000_000)


def test_a_connection_is_used_again():
    async def client(upstream: Upstream, server: Server):
        said = [await ask(upstream, b"%d" % number) for number in range(5)]
        return said, server.connections, server.heads[0]

    said, connections, head = talk(client)
    assert said == [b"0", b"1", b"2", b"3", b"4"]
    assert connections == 1
    assert head.startswith(b"POST /mcp?a=b HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nx: y\r\n" in head


def test_no_more_connections_than_permitted_and_all_are_answered():
    async def client(upstream: Upstream, server: Server):
        said = await asyncio.gather(*(ask(upstream, b"%d" % number) for number in range(50)))
        return said, server.connections

    said, connections = talk(client, limits=Limits(upstream_connections_max=2))
    assert said == [b"%d" % number for number in range(50)]
    assert connections == 2


def test_whoever_waits_too_long_for_a_connection_is_told():
    async def client(upstream: Upstream, server: Server):
        streams = [await upstream.send("GET", (), b"") for _ in range(2)]
        with pytest.raises(LimitExceededError, match="upstream_connections_max"):
            await upstream.send("GET", (), b"")
        for stream in streams:
            await stream.aclose()

    talk(client, says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", id="a second answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok???", id="noise behind it"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", id="told to close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", id="version 1.0"),
    ],
)
def test_a_connection_that_brought_more_than_its_answer_serves_no_other_request(spoilt: bytes):
    async def client(upstream: Upstream, server: Server):
        said = [await ask(upstream), await ask(upstream)]
        return said, server.connections

    assert talk(client, says(spoilt)) == ([b"ok", b"ok"], 2)


def test_an_answer_that_nobody_asked_for_is_no_answer_to_the_next_request():
    async def script(server: Server, reader, writer, body: bytes) -> None:
        await echo(server, reader, writer, body)
        if body == b"first":
            await writer.drain()
            asyncio.get_running_loop().call_soon(writer.write, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    async def client(upstream: Upstream, server: Server):
        first = await ask(upstream, b"first")
        await server.ended.wait()
        return first, await ask(upstream, b"second")

    assert talk(client, script, PATIENT) == (b"first", b"second")


def test_what_was_sent_is_never_sent_again():
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(RemoteProtocolError):
            await ask(upstream)
        return len(server.heads)

    assert talk(client, says(then_close=True)) == 1


def test_an_idle_connection_is_given_up_in_time():
    async def client(upstream: Upstream, server: Server):
        await ask(upstream)
        await server.ended.wait()

    talk(client)


def test_a_server_that_does_not_answer_is_given_up():
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(TimeoutError):
            await ask(upstream)
        await server.ended.wait()
        return upstream.connections

    assert talk(client, says()) == 0


def test_a_body_that_does_not_end_is_given_up():
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(TimeoutError):
            await ask(upstream)

    talk(client, says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"))


def test_a_caller_may_ask_for_less_time():
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(TimeoutError):
            await ask(upstream, seconds=0.05)

    talk(client, says(), Limits(upstream_head_seconds_max=0.4))


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 3000,
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_what_is_not_one_answer_is_an_error_and_ends_the_connection(said: bytes):
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(RemoteProtocolError):
            await ask(upstream)
        await server.ended.wait()

    talk(client, says(said))


def test_a_stream_comes_piece_by_piece():
    async def script(server: Server, reader, writer, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            await go.acquire()
            writer.write(b"8\r\ndata: %d\n\r\n" % number)
        writer.write(b"0\r\n\r\n")

    async def client(upstream: Upstream, server: Server):
        answer = await upstream.send("GET", (), b"")
        assert answer.whole is None
        pieces = list[bytes]()
        go.release()
        async for piece in answer.body:
            pieces.append(piece)
            go.release()
        return answer.header("content-type"), pieces, upstream.connections

    go = asyncio.Semaphore(0)
    kind, pieces, connections = talk(client, script)
    assert (kind, pieces, connections) == ("text/event-stream", [b"data: 0\n", b"data: 1\n", b"data: 2\n"], 1)


def test_a_stream_that_is_left_ends_its_connection():
    async def client(upstream: Upstream, server: Server):
        answer = await upstream.send("GET", (), b"")
        await answer.aclose()
        await server.ended.wait()
        return upstream.connections

    assert talk(client, says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), PATIENT) == 0


def test_cancelling_ends_the_connection():
    async def client(upstream: Upstream, server: Server):
        asking = asyncio.create_task(ask(upstream))
        await asyncio.wait_for(heard.wait(), 5)
        asking.cancel()
        await server.ended.wait()

    async def script(server: Server, reader, writer, body: bytes) -> None:
        heard.set()

    heard = asyncio.Event()
    talk(client, script, PATIENT)


def test_an_answer_that_is_not_read_does_not_pile_up():
    async def script(server: Server, reader, writer, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n")
        for _ in range(600):
            writer.write(b"x" * 100_000)
            sent[0] += 1
            await writer.drain()

    async def client(upstream: Upstream, server: Server):
        answer = await upstream.send("GET", (), b"")
        before = -1
        while before != sent[0]:  # until the server is held back
            before = sent[0]
            for _ in range(200):
                await asyncio.sleep(0)
        size = 0
        async for piece in answer.body:
            size += len(piece)
        return before, size

    sent = [0]
    before, size = talk(client, script, PATIENT)
    assert before < 300
    assert size == 60_000_000


def test_a_body_beyond_what_the_reader_allows_is_refused():
    async def client(upstream: Upstream, server: Server):
        answer = await upstream.send("POST", (), b"x" * 1000)
        with pytest.raises(LimitExceededError):
            await answer.read(999)

    talk(client)


@pytest.mark.parametrize(
    "header",
    [
        ("x", "a\r\nb: c"),
        ("x", "a\nb"),
        ("x", "a\0"),
        ("x", "\xe9"),
        ("a: b", "c"),
        ("host", "b"),
        ("Host", "b"),
        ("", ""),
    ],
)
def test_a_header_that_would_be_another_one_is_not_sent(header: tuple[str, str]):
    async def client(upstream: Upstream, server: Server):
        with pytest.raises(LocalProtocolError):
            await upstream.send("GET", (header,), b"")
        return server.connections

    assert talk(client) == 0


def test_an_address_that_is_not_allowed_is_not_gone_to():
    async def run():
        with pytest.raises(AddressRefusedError):
            await Upstream("http://localhost:9/", PATIENT, allow=public_only).send("GET", (), b"")

    asyncio.run(run())


def test_nobody_there_is_an_error_and_holds_nothing():
    async def run():
        upstream = Upstream("http://127.0.0.1:1/", PATIENT)
        for _ in range(3):
            with pytest.raises(OSError, match=r".+"):
                await upstream.send("GET", (), b"")
        return upstream.connections

    assert asyncio.run(run()) == 0
