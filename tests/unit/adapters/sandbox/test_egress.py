import asyncio
import contextlib

import pytest

from bartizan.adapters.sandbox.egress import EgressProxy
from bartizan.model.limits import DEFAULT, Limits


class Upstream:
    """A loopback server that answers every connection with its name and what it was sent."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.port = 0

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def estate(tmp_path, *, allow=True, limits=DEFAULT, through=None, full=lambda: None):
    upstream = Upstream()
    async with await asyncio.start_server(upstream.answer, "127.0.0.1", 0) as server:
        upstream.port = server.sockets[0].getsockname()[1]
        allowed = {("127.0.0.1", upstream.port)} if allow else set()
        proxy = EgressProxy(allowed, limits, upstream=through, full=full)
        async with proxy.serving(str(tmp_path / "s")):
            yield upstream, proxy


async def say(tmp_path, request: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def test_a_tunnel_to_an_allowed_host_carries_bytes(tmp_path):
    async def transcript():
        async with estate(tmp_path) as (upstream, proxy):
            answer = await say(tmp_path, f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            return answer, upstream.seen, proxy.refused

    answer, seen, refused = asyncio.run(transcript())
    assert answer.startswith(b"HTTP/1.1 200 Connection established")
    assert answer.endswith(b"hello")
    assert seen == [b"GET / HTTP/1.1\r\n\r\n"]
    assert refused == []


def test_a_plain_request_reaches_the_index_as_one_request_per_connection(tmp_path):
    async def transcript():
        async with estate(tmp_path) as (upstream, _):
            await say(tmp_path, f"GET http://127.0.0.1:{upstream.port}/x?y=1 HTTP/1.1\r\nHost: evil\r\nA: b\r\n\r\n")
            return upstream.port, upstream.seen

    port, seen = asyncio.run(transcript())
    expected = f"GET /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nA: b\r\n\r\n"
    assert seen == [expected.encode()]


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT 127.0.0.1:{port} HTTP/1.1",
        "CONNECT localhost:{port} HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "GET http://127.0.0.1:{port}/ HTTP/1.1",
        "GET http://127.0.0.1@evil:{port}/ HTTP/1.1",
        "GET / HTTP/1.1",
        "CONNECT  HTTP/1.1",
        "nonsense",
        "CONNECT [::1 HTTP/1.1",
    ],
)
def test_what_is_not_on_the_list_never_gets_a_connection(tmp_path, request_line):
    async def transcript():
        async with estate(tmp_path, allow=False) as (upstream, proxy):
            answer = await say(tmp_path, request_line.format(port=upstream.port) + "\r\n\r\n")
            return answer, upstream.seen, proxy.refused

    answer, seen, _ = asyncio.run(transcript())
    assert answer.startswith(b"HTTP/1.1 403")
    assert seen == []


def test_a_name_that_merely_leads_to_an_allowed_address_is_refused_and_recorded(tmp_path):
    async def transcript():
        async with estate(tmp_path) as (upstream, proxy):
            await say(tmp_path, f"CONNECT localhost:{upstream.port} HTTP/1.1\r\n\r\n")
            await say(tmp_path, f"CONNECT 127.0.0.1:{upstream.port + 1} HTTP/1.1\r\n\r\n")
            return upstream.port, proxy.refused

    port, refused = asyncio.run(transcript())
    assert refused == [f"localhost:{port}", f"127.0.0.1:{port + 1}"]


def test_an_endless_header_ends_the_connection(tmp_path):
    async def transcript():
        async with estate(tmp_path, limits=Limits(header_bytes_max=1_000)) as (upstream, _):
            with contextlib.suppress(ConnectionError):
                assert await say(tmp_path, "GET " + "x" * 10_000) == b""
            return upstream.seen

    assert asyncio.run(transcript()) == []


def test_more_bytes_than_a_fetch_may_take_stop_it(tmp_path):
    calls = []

    async def transcript():
        limits = Limits(fetch_bytes_max=10)
        async with estate(tmp_path, limits=limits, full=lambda: calls.append("full")) as (upstream, _):
            return await say(tmp_path, f"GET http://127.0.0.1:{upstream.port}/ HTTP/1.1\r\n\r\n")

    assert asyncio.run(transcript()) == b""
    assert calls == ["full"]


def test_the_proxy_of_this_host_is_asked_in_turn(tmp_path):
    async def transcript():
        outer = Upstream()
        async with await asyncio.start_server(outer.answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            proxy = EgressProxy({("index.example", 443)}, DEFAULT, upstream=("127.0.0.1", port))
            async with proxy.serving(str(tmp_path / "s")):
                await say(tmp_path, "CONNECT index.example:443 HTTP/1.1\r\n\r\n")
                await say(tmp_path, "CONNECT other.example:443 HTTP/1.1\r\n\r\n")
        return outer.seen, proxy.refused

    seen, refused = asyncio.run(transcript())
    assert seen == [b"CONNECT index.example:443 HTTP/1.1\r\nHost: index.example:443\r\n\r\n"]
    assert refused == ["other.example:443"]
