"""Answers of a server over a channel in the form of HTTP, as `Relay` takes them from any server."""

from typing import Any

import msgspec

from bartizan.adapters.transports.conversation import Answers, Conversation, ListeningError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import RequestId, decode, encode
from bartizan.protocol.mcp import METHOD_NOT_FOUND, MODERN_ERRORS
from bartizan.protocol.relay.downstream import message_event
from bartizan.protocol.relay.reading import Reading
from bartizan.protocol.relay.refusals import Headers, Refused, Wrong, error, reply_to

JSON = (("content-type", "application/json"),)
EVENTS = (("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no"))
_STATUSES = {METHOD_NOT_FOUND: 404, **dict.fromkeys(MODERN_ERRORS, 400)}  # Streamable HTTP, "Sending Messages"


class Said(msgspec.Struct, frozen=True):
    """An answer, as any server over HTTP would give it."""

    status: int
    headers: Headers
    body: "Pieces | EventBody"


class Pieces:
    """A body that is there."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    async def aclose(self) -> None:
        """It holds nothing."""


class EventBody:
    """Messages as server-sent events, as they come. Closing it is how a client goes."""

    def __init__(self, first: bytes | None, answers: Answers) -> None:
        self._first, self._answers = first, answers

    def __aiter__(self) -> "EventBody":
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        return message_event(await anext(self._answers) if first is None else first)

    async def aclose(self) -> None:
        """Nobody takes them any more."""
        await self._answers.aclose()


def whole(reading: Reading, messages: list[bytes]) -> Said:
    """Answers as one JSON text, with the status that the modern era has for some errors."""
    if reading.batch:
        return Said(200, JSON, Pieces(b"[" + b",".join(messages) + b"]"))
    (message,) = messages
    code: Any = None
    if reading.era is Era.MODERN and b'"error"' in message:
        code = as_object(as_object(decode(message)).get("error")).get("code")
    return Said(_STATUSES.get(code, 200), JSON, Pieces(message))


def listening(reading: Reading, headers: dict[str, str], conversation: Conversation) -> Said:
    if not takes(headers, "text/event-stream"):
        return Said(406, JSON, Pieces(encode(error(None, -32600, "Accept must list text/event-stream"))))
    try:
        return Said(200, EVENTS, EventBody(None, conversation.listen()))
    except ListeningError:
        return Said(409, JSON, Pieces(encode(error(None, -32600, "This session has its stream already"))))


def takes(headers: dict[str, str], kind: str) -> bool:
    """Whether a client takes this kind of answer: q values are no clients' habit."""
    named = [one.partition(";")[0].strip().lower() for one in headers.get("accept", "*/*").split(",")]
    return any(one in {kind, "*/*", kind.partition("/")[0] + "/*"} for one in named)


def refused(reading: Reading, wrong: Wrong, told: str = "", data: JsonObject | None = None) -> Said:
    reply = reply_to(Refused(wrong=wrong, told=told, id=id_of(reading), data=data or {}, era=reading.era))
    return Said(reply.status, reply.headers, Pieces(reply.body))


def id_of(reading: Reading) -> RequestId | None:
    return None if reading.batch else reading.items[0].id
