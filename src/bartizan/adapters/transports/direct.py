"""A server of the configuration over streamable HTTP, each request on a connection of its own."""

from collections.abc import Sequence

import msgspec

from bartizan.adapters.transports.http1 import parse_target
from bartizan.adapters.transports.outbound import OutboundClient, Response
from bartizan.adapters.transports.request import Headers
from bartizan.model.errors import RemoteProtocolError

_SINGLE = frozenset({"content-type", "content-encoding", "mcp-session-id"})


class Body:
    """The body as it comes. Unlike a generator that has not begun, it can be closed at any time."""

    def __init__(self, response: Response) -> None:
        self._response, self._chunks = response, response.chunks()

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except BaseException:
            await self._response.close()
            raise

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._response.close()


class DirectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A server's answer; `body` closes its connection when it ends or is closed."""

    status: int
    headers: Headers
    body: Body


class DirectUpstream:
    """One server. Follows no redirect. Raises AddressRefusedError for what is no URL."""

    def __init__(self, url: str, client: OutboundClient, *, answer_seconds_max: float) -> None:
        self.shown = parse_target(url).shown
        self._url, self._client, self._seconds = url, client, answer_seconds_max

    async def send(self, method: str, headers: Sequence[tuple[str, str]], body: bytes) -> DirectAnswer:
        """Send one request, and give the answer when its head is whole. Raises OSError, RemoteProtocolError."""
        joined: dict[str, str] = {}
        for name, value in headers:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        response = await self._client.request(
            method, self._url, headers=joined, body=body, deadline_seconds=self._seconds
        )
        names = [name for name, _ in response.headers if name in _SINGLE]
        if len(set(names)) != len(names):
            await response.close()
            raise RemoteProtocolError("a header of the answer stands twice")
        return DirectAnswer(status=response.status, headers=response.headers, body=Body(response))
