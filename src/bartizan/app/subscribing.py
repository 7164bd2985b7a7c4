"""What servers say unasked, to a client of the combined endpoint: `subscriptions/listen`, or the stream of a GET."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec

from bartizan.adapters.transports.listener import Answer
from bartizan.app.legs import Asked, Failed, Legs, Said, answered
from bartizan.app.merging import Merged, Renamed, closed
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_array, as_object
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import decode, encode, envelope
from bartizan.protocol.mcp import META
from bartizan.protocol.relay.combined.lists import Missing, left_out
from bartizan.protocol.relay.combined.names import SEPARATOR, joined_uri, parted, parted_uri
from bartizan.protocol.relay.combined.paths import changes
from bartizan.protocol.relay.combined.routes import returned
from bartizan.protocol.relay.combined.sessions import Leg
from bartizan.protocol.relay.combined.translation import message_of
from bartizan.protocol.relay.downstream import message_event
from bartizan.protocol.relay.rewriting import replaced

SUBSCRIPTION = META + "subscriptionId"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no"))
_RESOURCES = "resourceSubscriptions"
# The flags of a filter, by the notification that each lets through.
_FLAGS = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
_EVERYTHING: JsonObject = dict.fromkeys(_FLAGS.values(), True)
_LISTEN = "subscriptions/listen"


class Heard(msgspec.Struct):
    """One server's stream. `granted` is the filter that it acknowledged; `begun` what came with that."""

    server: str
    stream: AsyncIterator[bytes]
    granted: JsonObject | None = None
    begun: bytes = b""


class Subscriptions:
    """Streams of several servers as one."""

    def __init__(self, legs: Legs, servers: Collection[str]) -> None:
        self._legs, self._servers, self._limits = legs, servers, legs.limits

    async def listen(self, asked: Asked) -> Answer | dict[str, Failed]:
        """The answer to `subscriptions/listen`; the failures where no server listens."""
        opened = await self._legs.each(self._servers, lambda server: self._listening(asked, server))
        heard = [one for one in opened.values() if isinstance(one, Heard)]
        failed = {server: one for server, one in opened.items() if isinstance(one, Failed)}
        if not heard:
            return failed
        missing = [Missing(server=server, reason=one.reason) for server, one in failed.items() if not one.denied]
        meta: JsonObject = {SUBSCRIPTION: asked.message.id, **left_out(missing)}
        params = {"_meta": meta, "notifications": _together(heard)}
        first = message_event(encode({"jsonrpc": "2.0", "method": ACKNOWLEDGED, "params": params}))
        begun = b"".join(one.begun for one in heard)
        return Answer(
            status=200, headers=STREAM, body=Merged(first + begun, [one.stream for one in heard], self._limits)
        )

    async def stream(self, asked: Asked) -> Answer | dict[str, Failed]:
        """The answer to a legacy GET: what resumes one server's stream, or what all of them say unasked."""
        last = asked.request.header("last-event-id")
        if last:
            return await self._resumed(asked, last)
        opened = await self._legs.each(self._servers, lambda server: self._unasked(asked, server))
        heard = [one for one in opened.values() if isinstance(one, Heard)]
        if not heard:
            return {server: one for server, one in opened.items() if isinstance(one, Failed)}
        begun = b"".join(one.begun for one in heard)
        return Answer(status=200, headers=STREAM, body=Merged(begun, [one.stream for one in heard], self._limits))

    async def _resumed(self, asked: Asked, last: str) -> Answer | dict[str, Failed]:
        server, rest = parted(last, self._servers) or ("", "")
        leg = asked.session.legs.get(server) if asked.session else None
        if leg is None:
            return {}
        served = await self._legs.send(asked, server, leg, Said(http_method="GET", last_event_id=rest))
        if isinstance(served.answer.body, bytes):
            return served.answer
        renamed = Renamed(served.answer.body, _Renaming(server), server + SEPARATOR, self._limits)
        return Answer(status=200, headers=served.answer.headers, body=renamed)

    async def _listening(self, asked: Asked, server: str) -> Heard | Failed:
        leg = await self._legs.leg(asked, server)
        if isinstance(leg, Failed):
            return leg
        wanted = as_object(asked.message.params.get("notifications"))
        if leg.era is Era.LEGACY:
            granted: JsonObject = {flag: True for flag in _FLAGS.values() if wanted.get(flag) is True}
            told = _Listed(granted, asked.message.id)
            return await self._got(asked, server, leg, told, granted)
        text = asked.request.body.decode()
        own = changes(text, ("params", "notifications", _RESOURCES), lambda uris: self._own(server, uris))
        text = replaced(text, own)
        return await self._acknowledged(asked, server, leg, text.encode())

    async def _unasked(self, asked: Asked, server: str) -> Heard | Failed:
        """One server's part of a legacy GET."""
        leg = await self._legs.leg(asked, server)
        if isinstance(leg, Failed):
            return leg
        if leg.era is Era.LEGACY:
            return await self._got(asked, server, leg, _Renaming(server), {})
        body = message_of(_LISTEN, {"notifications": _EVERYTHING}, Era.MODERN, asked.client)
        return await self._acknowledged(asked, server, leg, body)

    def _own(self, server: str, uris: Any) -> list[str]:
        """Of the resources that a client names, those of one server, as they are called there."""
        found = [parted_uri(uri, self._servers) for uri in as_array(uris) if isinstance(uri, str)]
        return [one[1] for one in found if one and one[0] == server]

    async def _got(
        self, asked: Asked, server: str, leg: Leg, change: "_Renaming", granted: JsonObject
    ) -> Heard | Failed:
        said = Said(http_method="GET", seconds=self._limits.combined_seconds_max)
        served = await self._legs.send(asked, server, leg, said)
        body = served.answer.body
        if isinstance(body, bytes):
            return Failed(reason="says nothing unasked", answer=served.answer, denied=served.denied)
        return Heard(server=server, stream=Renamed(body, change, None, self._limits), granted=granted)

    async def _acknowledged(self, asked: Asked, server: str, leg: Leg, body: bytes) -> Heard | Failed:
        """A modern server's stream, once it has acknowledged it."""
        said = Said(body=body, method=_LISTEN, seconds=self._limits.combined_seconds_max)
        served = await self._legs.send(asked, server, leg, said)
        source = served.answer.body
        if isinstance(source, bytes):
            told = await answered(served, self._limits)
            return told if isinstance(told, Failed) else Failed(reason="says nothing unasked", answer=served.answer)
        change = _Subscribed(server)
        heard = Heard(server=server, stream=Renamed(source, change, None, self._limits))
        try:
            async with asyncio.timeout(self._limits.combined_seconds_max):
                async for piece in heard.stream:
                    heard.begun += piece
                    if change.granted is not None:
                        heard.granted = change.granted
                        return heard
        except (TimeoutError, RemoteProtocolError, OSError):
            pass
        await closed(heard.stream)
        return Failed(reason="did not acknowledge the subscription", answer=Answer(status=502))


def _together(heard: Collection[Heard]) -> JsonObject:
    """What at least one server acknowledged."""
    granted: JsonObject = {}
    resources: list[str] = []
    for one in heard:
        filters = one.granted or {}
        granted |= {flag: True for flag in _FLAGS.values() if filters.get(flag) is True}
        resources += [joined_uri(one.server, uri) for uri in as_array(filters.get(_RESOURCES)) if isinstance(uri, str)]
    return granted | ({_RESOURCES: resources} if resources else {})


class _Renaming:
    """Changes what one server says to what the client understands."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __call__(self, data: bytes) -> bytes:
        return returned(data.decode(), envelope(decode(data)), "", self._server).encode()


class _Subscribed(_Renaming):
    """The same for `subscriptions/listen`: the acknowledgement and the end are the gateway's to give."""

    granted: JsonObject | None = None

    def __call__(self, data: bytes) -> bytes:
        message = envelope(decode(data))
        if message.method == ACKNOWLEDGED:
            self.granted = as_object(message.params.get("notifications"))
        if message.kind != "notification" or message.method == ACKNOWLEDGED:
            return b""
        return super().__call__(data)


class _Listed(_Renaming):
    """Of a legacy server's stream what a modern client asked for, as a message of its subscription."""

    def __init__(self, granted: JsonObject, identity: str | int | None) -> None:
        self._granted, self._identity = granted, identity

    def __call__(self, data: bytes) -> bytes:
        message = envelope(decode(data))
        if message.kind != "notification" or not self._granted.get(_FLAGS.get(message.method, "")):
            return b""
        params = {"_meta": {SUBSCRIPTION: self._identity}}
        return encode({"jsonrpc": "2.0", "method": message.method, "params": params})
