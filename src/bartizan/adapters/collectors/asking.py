"""Asking one port over HTTP: at a bounded pace, within bounded time and size, in JSON-RPC read strictly."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

import msgspec

from bartizan.adapters.transports.outbound import OutboundClient, Response
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.ports import Message
from bartizan.protocol.framing import Events, ServerSentEvent
from bartizan.protocol.jsonrpc import Envelope, decode, envelope

_JSON = "application/json, text/event-stream"


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A port to knock at. `scheme` and `path` are empty where unknown; `named` when the user named this very port."""

    host: str
    port: int
    scheme: str = ""
    path: str = ""
    named: bool = False

    def url(self, scheme: str, path: str = "/") -> str:
        """A URL behind this door."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{path}"


class Pace:
    """At most so many connections in a second, evenly spread, on the loop's clock."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._next = 1 / per_second, 0.0

    async def take(self) -> None:
        """Wait for one's turn."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._gap
        if turn > now:
            await asyncio.sleep(turn - now)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer, read and let go. `message` is the JSON-RPC message in it, if there is one."""

    response: Response
    body: bytes = b""
    message: Envelope | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status


class Asking:
    """Requests to one door. `scheme` is what it speaks; `host` replaces the address in the Host header, if set."""

    def __init__(self, client: OutboundClient, pace: Pace, limits: Limits, door: Door) -> None:
        self._client, self._pace, self._limits, self.door = client, pace, limits, door
        self.scheme, self.host = door.scheme, ""

    async def turn(self) -> None:
        """Wait until the next connection may be made. It is no part of any deadline."""
        await self._pace.take()

    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Send a request. The caller has waited for its `turn`, and closes the answer."""
        return await self._client.request(
            method,
            self.door.url(self.scheme, path),
            headers={**({"Host": self.host} if self.host else {}), **(headers or {})},
            body=body,
            deadline_seconds=self._limits.endpoint_request_seconds_max,
        )

    async def tls_faults(self, path: str) -> tuple[str, ...]:
        """What is wrong with the door's TLS. The caller has waited for its `turn`."""
        return await self._client.tls_faults(self.door.url(self.scheme, path))

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send, read and let go. A stream is not read."""
        await self.turn()
        response = await self.request(method, path, {"Accept": "application/json", **(headers or {})})
        async with response:
            if is_stream(response):
                return Answer(response=response)
            return Answer(response=response, body=await response.read(self._limits.endpoint_answer_bytes_max))

    async def post(self, path: str, message: Message, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a JSON-RPC message and read the reply to it, be it a JSON body or an event of a stream."""
        head = {"Content-Type": "application/json", "Accept": _JSON, **(headers or {})}
        if message.era is Era.MODERN:
            head |= {"MCP-Protocol-Version": message.protocol_version, "Mcp-Method": message.method}
        await self.turn()
        async with asyncio.timeout(self._limits.endpoint_request_seconds_max):
            response = await self.request("POST", path, head, message.body)
            async with response:
                if is_stream(response):
                    async with aclosing(self.events(response)) as events:
                        return Answer(response=response, message=await self.reply(events, message.identity))
                body = await response.read(self._limits.endpoint_answer_bytes_max)
        return Answer(response=response, body=body, message=_message(body, self._limits))

    async def events(self, response: Response) -> AsyncGenerator[ServerSentEvent, None]:
        """The events of a stream, which is no longer than any other answer may be."""
        reader, size = Events(self._limits), 0
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._limits.endpoint_answer_bytes_max:
                    raise LimitExceededError("endpoint_answer_bytes_max", self._limits.endpoint_answer_bytes_max)
                for event in reader.feed(chunk):
                    yield event

    async def reply(self, events: AsyncIterator[ServerSentEvent], identity: Any) -> Envelope | None:
        """The message that answers `identity`; None when the stream ends without it."""
        async for event in events:
            message = _message(event.data, self._limits)
            if message and message.kind in {"result", "error"} and message.id == identity:
                return message
        return None


def is_stream(response: Response) -> bool:
    """Whether the body is server-sent events."""
    return response.header("content-type").split(";")[0].strip().lower() == "text/event-stream"


def _message(body: bytes, limits: Limits) -> Envelope | None:
    try:
        return envelope(decode(body, limits)) if body else None
    except RemoteProtocolError:
        return None


def json_object(body: bytes, limits: Limits) -> dict[str, Any]:
    """A body that is one JSON object, else an empty one."""
    try:
        value = decode(body, limits) if body else None
    except RemoteProtocolError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
