"""The older HTTP+SSE transport as a channel: what a hostile server may say on its stream."""

import asyncio
from typing import Any

import pytest

from bartizan.adapters.transports.sse_channel import SseChannel
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import Limits

URL = "http://127.0.0.1:9/sse"


class Answer:
    def __init__(self, pieces: list[bytes], status: int, kind: str) -> None:
        self.status, self.kind, self.pieces = status, kind, pieces
        self.body = self

    def header(self, name: str) -> str:
        return self.kind if name == "content-type" else ""

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)

    async def read(self, _most: int) -> bytes:
        return b""


class Ways:
    """Stands for the ways to the stream and to the endpoint; notes what was sent where."""

    def __init__(self, *pieces: bytes, status: int = 200, kind: str = "text/event-stream", taken: int = 202) -> None:
        self.answer, self.taken = Answer(list(pieces), status, kind), taken
        self.reached: list[str] = []
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []
        self.closed = 0

    def reach(self, url: str) -> Any:
        self.reached.append(url)
        ways = self

        class Way:
            async def send(self, method, headers, body, *, seconds=None):
                ways.sent.append((url, method, dict(headers), body))
                return ways.answer if method == "GET" else Answer([], ways.taken, "")

            def close(self):
                ways.closed += 1

        return Way()


def opened(ways: Ways, work: Any = None, limits: Limits | None = None) -> Any:
    async def go() -> Any:
        channel = SseChannel(URL, (("authorization", "Bearer x"),), ways.reach, limits or Limits())
        await channel.open()
        try:
            return await work(channel) if work else None
        finally:
            await channel.close()

    try:
        return asyncio.run(go())
    finally:
        assert ways.closed == len(ways.reached)


ENDPOINT = b"event: endpoint\ndata: /messages?s=1\n\n"


def test_messages_go_to_the_endpoint_and_come_from_the_stream():
    ways = Ways(b": hello\n\n", ENDPOINT, b'data: {"a":\ndata: 1}\n\n: ping\n\nevent: other\ndata: x\n\n')

    async def work(channel: SseChannel):
        await channel.send(b"{}")
        said = await channel.receive()
        with pytest.raises(EOFError, match="ended its stream"):
            await channel.receive()
        return said

    assert opened(ways, work) == b'{"a":\n1}'
    url, method, headers, body = ways.sent[-1]
    assert (url, method, body) == ("http://127.0.0.1:9/messages?s=1", "POST", b"{}")
    assert headers["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    "named", [b"http://evil.example/messages", b"//evil.example/m", b"http://127.0.0.1:10/m", b"file:///etc/passwd"]
)
def test_an_endpoint_of_another_origin_never_gets_the_credentials(named: bytes):
    ways = Ways(b"event: endpoint\ndata: " + named + b"\n\n")
    with pytest.raises(RemoteProtocolError, match="another origin"):
        opened(ways)
    assert ways.reached == [URL]


@pytest.mark.parametrize(("status", "kind"), [(404, "text/event-stream"), (200, "application/json"), (302, "")])
def test_what_is_no_stream_is_said_so(status: int, kind: str):
    with pytest.raises(RemoteProtocolError, match="not a stream"):
        opened(Ways(ENDPOINT, status=status, kind=kind))


def test_a_server_that_names_no_endpoint_is_given_up():
    with pytest.raises(RemoteProtocolError, match="no endpoint"):
        opened(Ways(*[b"data: 1\n\n"] * 200))
    with pytest.raises(RemoteProtocolError, match="ended"):
        opened(Ways())


def test_an_event_beyond_the_limit_ends_it():
    with pytest.raises(LimitExceededError):
        opened(Ways(b"data: " + b"x" * 200), limits=Limits(sse_event_bytes_max=100))


def test_a_message_that_the_endpoint_does_not_take_is_an_error():
    async def work(channel: SseChannel):
        with pytest.raises(RemoteProtocolError, match="500"):
            await channel.send(b"{}")

    opened(Ways(ENDPOINT, taken=500), work)
