"""HTTP with server-sent events, the transport of revision 2024-11-05, as the gateway's channel to one server.

One stream brings what the server says; the endpoint that it names first takes what it is told.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import urljoin

from bartizan.adapters.transports.pool import Upstream
from bartizan.adapters.transports.url import same_origin
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol.framing import Events

Headers = Sequence[tuple[str, str]]
_ENDPOINT_CHARACTERS_MAX = 8_192
_PASSED_OVER_MAX = 100  # events before the endpoint


class SseChannel:
    """One session. `reach` makes the way to a URL: the stream's, and the endpoint's, which must be of its origin."""

    def __init__(self, url: str, headers: Headers, reach: Callable[[str], Upstream], limits: Limits) -> None:
        self._url, self._headers, self._reach, self._limits = url, tuple(headers), reach, limits
        self._events = Events(limits)
        self._ready: deque[bytes] = deque()
        self._ways: list[Upstream] = []
        self._body: AsyncIterator[bytes] | None = None
        self._endpoint: Upstream | None = None

    async def open(self) -> None:
        """Connect and learn the endpoint. Raises RemoteProtocolError, OSError; nothing is left open then."""
        try:
            async with asyncio.timeout(self._limits.request_seconds_max):
                await self._open()
        except TimeoutError:
            await self.close()
            raise TimeoutError("the server named no endpoint in time") from None
        except EOFError as error:
            await self.close()
            raise RemoteProtocolError(str(error)) from None
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        answer = await self._way(self._url).send("GET", (*self._headers, ("accept", "text/event-stream")), b"")
        self._body = answer.body
        kind = answer.header("content-type").partition(";")[0].strip().lower()
        if answer.status != 200 or kind != "text/event-stream":
            raise RemoteProtocolError(f"HTTP status {answer.status}, not a stream of events")
        for _ in range(_PASSED_OVER_MAX):
            for event in self._events.feed(await self._more()):
                if event.event == "endpoint" and self._endpoint is None:
                    self._endpoint = self._way(self._named(event.data))
                elif event.event == "message" and event.data.strip():
                    self._ready.append(event.data)
            if self._endpoint is not None:
                return
        raise RemoteProtocolError("the server names no endpoint")

    def _named(self, data: bytes) -> str:
        """The endpoint's URL. What is sent there holds the credentials of the server that was configured."""
        url = urljoin(self._url, data.decode("utf-8", "replace")[:_ENDPOINT_CHARACTERS_MAX].strip())
        if not same_origin(url, self._url):
            raise RemoteProtocolError("the server names an endpoint on another origin")
        return url

    async def send(self, message: bytes) -> None:
        """Send one message. Raises RemoteProtocolError when it is not taken, EOFError, OSError."""
        if self._endpoint is None:
            raise EOFError("not open")
        headers = (*self._headers, ("content-type", "application/json"))
        answer = await self._endpoint.send("POST", headers, message, seconds=self._limits.request_seconds_max)
        await answer.read(self._limits.metadata_bytes_max)
        if not 200 <= answer.status < 300:
            raise RemoteProtocolError(f"HTTP status {answer.status} from the endpoint")

    async def receive(self) -> bytes:
        """The next message. Raises EOFError when the stream has ended, RemoteProtocolError, OSError."""
        while not self._ready:
            for event in self._events.feed(await self._more()):
                if event.event == "message" and event.data.strip():
                    self._ready.append(event.data)
        return self._ready.popleft()

    async def _more(self) -> bytes:
        if self._body is None:
            raise EOFError("not open")
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            raise EOFError("the server has ended its stream") from None

    async def close(self) -> None:
        """End both connections."""
        self._body = self._endpoint = None
        ways, self._ways = self._ways, []
        for one in ways:
            one.close()

    def _way(self, url: str) -> Upstream:
        try:
            way = self._reach(url)
        except LimitExceededError:
            raise
        except (OSError, ValueError):
            raise RemoteProtocolError("an address that cannot be reached") from None
        self._ways.append(way)
        return way
