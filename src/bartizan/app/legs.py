"""The combined endpoint's way to each of its servers: which era it speaks, its session, and one message to it.

What goes to a server goes through `Gateway.serve`: it is read, judged and recorded as if the client had asked there.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from bartizan.adapters.transports.listener import Answer, Request
from bartizan.app.gateway import Gateway, Served
from bartizan.model.decision import Decision
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.framing import Events
from bartizan.protocol.jsonrpc import Envelope, decode, envelope
from bartizan.protocol.mcp import META
from bartizan.protocol.relay.combined.sessions import Leg, Session
from bartizan.protocol.relay.combined.translation import NEWEST_LEGACY, legacy_initialize, message_of
from bartizan.protocol.relay.eras import LEGACY_VERSIONS, MODERN_VERSIONS
from bartizan.protocol.relay.headers import encoded
from bartizan.protocol.relay.refusals import TABLE, Headers, Wrong

T = TypeVar("T")

# Headers that each leg has of its own. What is not of the protocol is the same for all.
_OWN = frozenset("mcp-protocol-version mcp-method mcp-name mcp-session-id last-event-id content-type accept".split())
_ACCEPT = "application/json, text/event-stream"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request to the combined endpoint, as far as its legs need it."""

    request: Request
    era: Era
    message: Envelope
    session: Session | None = None
    session_id: str = ""

    @property
    def client(self) -> JsonObject:
        """What the client says of itself."""
        if self.session:
            return self.session.client
        return as_object(as_object(self.message.params.get("_meta")).get(META + "clientInfo"))


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers, and what it offers."""

    leg: Leg
    result: JsonObject = {}


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A server that gives nothing: because policy refuses (`denied`), or for a reason of its own. `answer` says so."""

    reason: str
    answer: Answer
    denied: Decision | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to a server: the body, what its headers mirror, and which headers of the client's go with it."""

    body: bytes = b""
    method: str = ""
    name: str = ""
    http_method: str = "POST"
    mirrored: bool = False
    params: Headers = ()
    last_event_id: str = ""
    seconds: float | None = None


class Legs:
    """Reaches servers. What it remembers can be found out again: eras, and sessions for clients that have none."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._eras: dict[tuple[str, Era], tuple[Era, datetime]] = {}
        self._held: OrderedDict[tuple[str, str], Opened] = OrderedDict()

    @property
    def limits(self) -> Limits:
        """Those of the gateway."""
        return self._gateway.parts.limits

    async def each(self, servers: Iterable[str], ask: Callable[[str], Awaitable[T | Failed]]) -> dict[str, T | Failed]:
        """Ask several servers at once, a bounded number of them at a time. None waits for ever."""
        room = asyncio.Semaphore(self.limits.combined_parallel_max)

        async def one(server: str) -> T | Failed:
            try:
                async with room, asyncio.timeout(self.limits.answer_seconds_max):
                    return await ask(server)
            except TimeoutError:
                return Failed(reason=_REASONS[504], answer=Answer(status=504))

        async with asyncio.TaskGroup() as group:
            tasks = {server: group.create_task(one(server)) for server in servers}
        return {server: task.result() for server, task in tasks.items()}

    async def send(self, asked: Asked, server: str, leg: Leg, said: Said) -> Served:
        """Send one message."""
        request = msgspec.structs.replace(
            asked.request, method=said.http_method, headers=_headers(asked.request, leg, said), body=said.body
        )
        return await self._gateway.serve(request, server, combined=True, seconds=said.seconds)

    async def leg(self, asked: Asked, server: str) -> Leg | Failed:
        """The way to a server: of the client's session, else one that is held for it, else a new one."""
        if asked.session and server in asked.session.legs:
            return asked.session.legs[server]
        if asked.era is Era.MODERN and self._era(server, Era.MODERN) is Era.MODERN:
            return Leg(version=MODERN_VERSIONS[0])
        opened = await self.opened(asked, server)
        return opened.leg if isinstance(opened, Opened) else opened

    async def opened(self, asked: Asked, server: str) -> Opened | Failed:
        """A server and what it offers. A session for a client that has none is held here, by what the client showed."""
        key = server, _who(asked)
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
            return held
        opened = await self.open(asked, server)
        if isinstance(opened, Opened) and opened.leg.era is Era.LEGACY:
            self._held[key] = opened
            while len(self._held) > self.limits.combined_sessions_max:
                self._held.popitem(last=False)
        return opened

    def open_for(self, asked: Asked) -> dict[str, Leg]:
        """The ways that are open for a client's session, by server."""
        if asked.session is None:
            return {}
        who = _who(asked)
        held = {server: one for server in self._gateway.parts.servers if (one := self._held.get((server, who)))}
        return {server: one.leg for server, one in held.items()} | dict(asked.session.legs)

    def forget(self, asked: Asked, server: str) -> bool:
        """Hold a session no longer; whether there was one."""
        return self._held.pop((server, _who(asked)), None) is not None

    async def open(self, asked: Asked, server: str) -> Opened | Failed:
        """Open in the client's era, in the other one where the server does not speak it."""
        known = self._era(server, asked.era)
        first = known or asked.era
        opened = await self._opening(asked, server, first)
        if opened is None and known is None:
            other = Era.LEGACY if first is Era.MODERN else Era.MODERN
            opened, first = await self._opening(asked, server, other), other
        if opened is None:
            self._eras.pop((server, asked.era), None)
            return _failed(Served(answer=Answer(status=502)), "speaks no version that is known here")
        if isinstance(opened, Opened):
            until = self._gateway.parts.now() + timedelta(seconds=self.limits.combined_era_seconds_max)
            self._eras[server, asked.era] = first, until
        return opened

    def _era(self, server: str, asked: Era) -> Era | None:
        era, until = self._eras.get((server, asked), (None, None))
        return era if until is not None and self._gateway.parts.now() < until else None

    async def _opening(self, asked: Asked, server: str, era: Era) -> Opened | Failed | None:
        """What a server answers to the opening of an era; None where it does not speak that one."""
        if era is Era.MODERN:
            leg, method = Leg(version=MODERN_VERSIONS[0]), "server/discover"
            body = message_of(method, {}, era, asked.client)
        else:
            session = asked.session or Session(revision=NEWEST_LEGACY, client=asked.client)
            leg, method = Leg(version=session.revision), "initialize"
            body = legacy_initialize(session.revision, session.capabilities, session.client)
        said = Said(body=body, method=method, seconds=self.limits.combined_seconds_max)
        served = await self.send(asked, server, leg, said)
        told = await answered(served, self.limits)
        if isinstance(told, Failed):
            return None if told.reason == _OTHER_ERA else told
        if era is Era.MODERN:
            versions = as_array(told.result.get("supportedVersions"))
            return Opened(leg=leg, result=told.result) if MODERN_VERSIONS[0] in versions or not versions else None
        return await self._shaken(asked, server, told.result, served)

    async def _shaken(self, asked: Asked, server: str, result: JsonObject, served: Served) -> Opened | Failed:
        """The end of the handshake."""
        version = as_text(result.get("protocolVersion"))
        if version not in LEGACY_VERSIONS:
            return _failed(served, "speaks no version that is known here")
        leg = Leg(version=version, session=dict(served.answer.headers).get("mcp-session-id", ""))
        method = "notifications/initialized"
        said = Said(
            body=message_of(method, {}, Era.LEGACY, {}), method=method, seconds=self.limits.combined_seconds_max
        )
        ready = await self.send(asked, server, leg, said)
        if ready.answer.status >= 300:
            return _failed(ready, "did not take the end of the handshake")
        return Opened(leg=leg, result=result)


def _headers(request: Request, leg: Leg, said: Said) -> tuple[tuple[str, str], ...]:
    modern = leg.era is Era.MODERN
    passed = [
        (name, value)
        for name, value in request.headers
        if name not in _OWN and (said.mirrored or not name.startswith("mcp-param-"))
    ]
    ours = {
        "accept": _ACCEPT,
        "content-type": "application/json" if said.body else "",
        "mcp-protocol-version": "" if said.method == "initialize" else leg.version,
        "mcp-session-id": leg.session,
        "mcp-method": said.method if modern else "",
        "mcp-name": encoded(said.name) if modern and said.name else "",
        "last-event-id": said.last_event_id,
    }
    return (*passed, *said.params, *((name, value) for name, value in ours.items() if value))


def _who(asked: Asked) -> str:
    """For whom a session is held: a client's own session, else what it showed to prove who it is."""
    if asked.session_id:
        shown = ["session", asked.session_id]
    else:
        request = asked.request
        named = [request.header("authorization"), request.header("x-api-key")]
        shown = ["shown", *named, as_text(request.certificate.get("x5t#S256"))]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()


_OTHER_ERA = "speaks another era"
_REASONS = {429: "refused for now: too many requests", 502: "did not answer as the protocol asks",
            503: "is not available at the moment", 504: "did not answer in time"}  # fmt: skip


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A server's result, and the text in which it came."""

    text: str
    result: JsonObject


async def answered(served: Served, limits: Limits) -> Told | Failed:
    """The result in an answer, of a stream too. The reasons of a failure are ours: no server writes them."""
    if served.denied is not None:
        return Failed(reason="refused by policy", answer=served.answer, denied=served.denied)
    try:
        text = await whole(served.answer, limits)
        message = envelope(decode(text, limits))
    except RemoteProtocolError:
        return _failed(served, _REASONS.get(served.answer.status, _REASONS[502]))
    if message.kind == "result":
        return Told(text=text.decode(), result=message.result)
    code = as_object(message.error).get("code")
    supported = as_array(as_object(message.error.get("data")).get("supported"))
    if code == TABLE[Wrong.ERAS][1] and served.answer.status == TABLE[Wrong.ERAS][0] and supported:
        return _failed(served, _OTHER_ERA)
    if code == TABLE[Wrong.METHOD][1]:
        return _failed(served, NO_METHOD)
    return _failed(served, _REASONS.get(served.answer.status, "answered with an error"))


NO_METHOD = "has no such method"


def _failed(served: Served, reason: str) -> Failed:
    return Failed(reason=reason, answer=served.answer, denied=served.denied)


async def whole(answer: Answer, limits: Limits) -> bytes:
    """The message that answers a request, from a body or the first one in a stream. Raises RemoteProtocolError."""
    if isinstance(answer.body, bytes):
        return answer.body
    events = Events(limits)
    try:
        async for piece in answer.body:
            for event in events.feed(piece):
                if event.data and envelope(decode(event.data, limits)).kind in {"result", "error"}:
                    return event.data
    finally:
        close = getattr(answer.body, "aclose", None)
        if close is not None:
            await close()
    raise RemoteProtocolError("the stream ended without an answer")
