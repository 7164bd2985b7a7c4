"""HTTP with server-sent events, the transport of revision 2024-11-05: a stream that brings, an endpoint that takes."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import urljoin

from bartizan.adapters.transports.outbound import OutboundClient, Response
from bartizan.adapters.transports.url import same_origin
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError, reason_of
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Message, RequestRefusedError
from bartizan.protocol.framing import Events

_WAITING_MAX = 64


class SseTransport:
    """One stream. The endpoint it names must be of its own origin, for that is where the headers go."""

    def __init__(
        self, url: str, headers: Mapping[str, str], client: OutboundClient, *, limits: Limits = DEFAULT
    ) -> None:
        self._url, self._headers, self._client, self._limits = url, dict(headers), client, limits
        self._incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue(_WAITING_MAX)
        self._endpoint = ""
        self._stream: Response | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._found: asyncio.Future[str] | None = None

    async def open(self) -> None:
        """Connect and wait for the endpoint. Raises RequestRefusedError, RemoteProtocolError, OSError."""
        self._stream = await self._client.request(
            "GET", self._url, headers={**self._headers, "Accept": "text/event-stream"}
        )
        kind = self._stream.header("content-type").partition(";")[0].strip().lower()
        if self._stream.status != 200 or kind != "text/event-stream":
            status, challenge = self._stream.status, self._stream.header("www-authenticate")
            await self._stream.close()
            raise RequestRefusedError(None, status, f"HTTP status {status}, not a stream", challenge=challenge)
        self._found = asyncio.get_running_loop().create_future()
        self._start(self._read(self._stream))
        async with asyncio.timeout(self._limits.request_seconds_max):
            named = await asyncio.shield(self._found)
        self._endpoint = urljoin(self._url, named)
        if not same_origin(self._endpoint, self._url):
            raise RemoteProtocolError("names an endpoint on another origin")

    async def send(self, message: Message) -> None:
        """Start the POST; the answer comes on the stream."""
        self._start(self._post(message))

    async def receive(self) -> bytes:
        """The next message of the stream. Raises EOFError at its end."""
        item = await self._incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def close(self) -> None:
        """Drop the stream and what is under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._stream is not None:
            await self._stream.close()
        if self._found is not None and not self._found.done():
            self._found.cancel()

    def diagnostics(self) -> str:
        """A server reached over HTTP says nothing beside the protocol."""
        return ""

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, stream: Response) -> None:
        failure: Exception = EOFError("the stream has ended")
        try:
            await self._events(stream)
        except (OSError, RemoteProtocolError) as error:
            failure = error
        if self._found is not None and not self._found.done():
            self._found.set_exception(failure)
            return
        await self._incoming.put(failure)

    async def _events(self, stream: Response) -> None:
        events, size = Events(self._limits), 0
        async for chunk in stream.chunks():
            size += len(chunk)
            if size > self._limits.probe_bytes_max:
                raise LimitExceededError("probe_bytes_max", self._limits.probe_bytes_max)
            for event in events.feed(chunk):
                if event.event == "endpoint" and self._found is not None and not self._found.done():
                    self._found.set_result(event.data.decode("utf-8", "replace")[:8192])
                elif event.event == "message" and event.data.strip():
                    await self._incoming.put(event.data)

    async def _post(self, message: Message) -> None:
        headers = {**self._headers, "Content-Type": "application/json"}
        if message.protocol_version:
            headers["MCP-Protocol-Version"] = message.protocol_version
        status, reason = 0, ""
        try:
            response = await self._client.request("POST", self._endpoint, headers=headers, body=message.body)
            status = response.status
            await response.close()
        except (OSError, RemoteProtocolError, LocalProtocolError, ValueError) as error:  # of this request alone
            reason = reason_of(error)
        if not 200 <= status < 300:
            reason = reason or f"HTTP status {status}"
            await self._incoming.put(RequestRefusedError(message.identity, status, reason))
