"""All servers as one: each request to the combined endpoint becomes requests to servers, their answers one answer."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from bartizan.adapters.transports.listener import Answer, Request
from bartizan.app.call_events import call_event
from bartizan.app.combining import Combining, refused_by_all
from bartizan.app.gateway import Gateway, Served, recorded, unrecorded
from bartizan.app.legs import Asked, Failed, Legs, Said
from bartizan.app.merging import Renamed
from bartizan.app.relaying import answer
from bartizan.app.subscribing import Subscriptions
from bartizan.model.call import Call, Verb
from bartizan.model.decision import Decision, Effect, Refusal
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject
from bartizan.model.snapshot import Era
from bartizan.prevent.gate import Decided
from bartizan.protocol.jsonrpc import Envelope, RequestId, decode, encode, envelope
from bartizan.protocol.relay.combined.names import SEPARATOR
from bartizan.protocol.relay.combined.routes import Route, returned, route, sent
from bartizan.protocol.relay.combined.sessions import Leg, opened
from bartizan.protocol.relay.combined.translation import from_legacy, from_modern, to_legacy, to_modern
from bartizan.protocol.relay.eras import COMBINED, Crossing
from bartizan.protocol.relay.methods import METHODS
from bartizan.protocol.relay.mirrored import as_headers
from bartizan.protocol.relay.reading import Reading, read
from bartizan.protocol.relay.refusals import TABLE, Headers, Refused, Wrong, denial, error, reply_to

_JSON = (("content-type", "application/json"),)
_ROUTED = frozenset(
    "tools/call prompts/get resources/read resources/subscribe resources/unsubscribe completion/complete "
    "notifications/progress".split()
)
_FOR_ALL = frozenset({"notifications/cancelled", "notifications/roots/list_changed", "logging/setLevel"})
_OWN = frozenset({"ping", "notifications/initialized"})
_NOTHING_NAMED = Decision(
    effect=Effect.DENY, guard="combined", reason="names nothing of a server of this endpoint", refusal=Refusal.NOT_FOUND
)


ForNobody = Callable[[Asked, str, Leg, Envelope], None]
"""Takes the request of a server that the client cannot be asked."""


class Combined:
    """The combined endpoint for the servers of these ids."""

    def __init__(self, gateway: Gateway, servers: Sequence[str]) -> None:
        self._gateway, self._parts, self._limits = gateway, gateway.parts, gateway.parts.limits
        self._servers = tuple(servers)
        self._legs = Legs(gateway)
        self._all = Combining(self._legs, self._servers, gateway.parts.key)
        self._subscriptions = Subscriptions(self._legs, self._servers)
        self._answers: set[asyncio.Task[Served]] = set()

    async def handle(self, request: Request, _server: str = "") -> Answer:
        """Answer one request."""
        arrival = self._gateway.arrival(request, "", combined=True)
        reading = read(request.method, request.headers, request.body, arrival, self._limits)
        if isinstance(reading, Reading) and reading.batch:
            reading = Refused(wrong=Wrong.BATCH, told="the endpoint of all servers takes one message at a time")
        if isinstance(reading, Refused):
            return self._gateway.refuse(reading, "", request, arrival)
        asked = self._asked(request, reading)
        done = asked if isinstance(asked, Refused) else await self._answer(asked, reading.items[0].call)
        return self._gateway.refuse(done, "", request, arrival) if isinstance(done, Refused) else done

    def _asked(self, request: Request, reading: Reading) -> Asked | Refused:
        """The request with its session, which a legacy client must show once it has opened one."""
        message = envelope(decode(request.body, self._limits)) if request.body else Envelope(kind="notification")
        asked = Asked(request=request, era=reading.era, message=message)
        if reading.era is Era.MODERN or reading.opens:
            return asked
        if not reading.session:
            told = "Mcp-Session-Id is missing: open with initialize"
            return Refused(wrong=Wrong.NOT_A_MESSAGE, told=told, id=message.id, era=Era.LEGACY)
        session = opened(self._parts.key, reading.session, self._limits)
        if session is None:
            return Refused(wrong=Wrong.SESSION, id=message.id, era=Era.LEGACY)
        return msgspec.structs.replace(asked, session=session, session_id=reading.session)

    async def _answer(self, asked: Asked, call: Call) -> Answer | Refused:
        """By what is asked: one server, all of them, or the gateway itself."""
        if asked.message.kind in {"result", "error"} or call.method in _ROUTED:
            return await self._routed(asked, call)
        if call.method == "GET":
            return self._streamed(asked, await self._subscriptions.stream(asked))
        if asked.era is Era.LEGACY and call.method in _OWN:
            return await self._admitted(asked, call) or _done(asked.message.id)
        work = self._of_all(asked, call)
        if work is None:
            told = "no such method at the endpoint of all servers"
            return Refused(wrong=Wrong.METHOD, told=told, id=asked.message.id, era=asked.era)
        done = await work
        return done if isinstance(done, Answer | Refused) else refused_by_all(asked, done)

    def _of_all(self, asked: Asked, call: Call) -> Coroutine[Any, Any, Answer | Refused | Mapping[str, Failed]] | None:
        """What every server is asked."""
        match call.method:
            case "initialize" | "server/discover":
                return self._all.opened(asked, call.revision)
            case "subscriptions/listen":
                return self._subscriptions.listen(asked)
            case "DELETE":
                return self._all.ended(asked)
            case method if call.verb is Verb.LIST:
                return self._all.listed(asked, METHODS[method].key)
            case method if asked.era is Era.LEGACY and method in _FOR_ALL:
                return self._all.told(asked)
            case _:
                return None

    def _streamed(self, asked: Asked, done: Answer | Mapping[str, Failed]) -> Answer | Refused:
        if isinstance(done, Answer):
            return done
        if not done:
            return Refused(wrong=Wrong.HEADER, told="Last-Event-ID is none of this session's", era=Era.LEGACY)
        nothing = all(one.denied is None and one.answer.status == 405 for one in done.values())
        return Refused(wrong=Wrong.HTTP_METHOD, era=Era.LEGACY) if nothing else refused_by_all(asked, done)

    async def _routed(self, asked: Asked, call: Call) -> Answer | Refused:
        """A message for one server."""
        way = route(asked.message, self._servers)
        if way is None:
            return await self._nothing_named(asked, call)
        done = await self._reached(asked, call, way)
        if isinstance(done, Answer) and done.status == 404 and self._legs.forget(asked, way.server):
            return await self._reached(asked, call, way)  # the server began anew: nothing was done with the message
        return done

    async def _reached(self, asked: Asked, call: Call, way: Route) -> Answer | Refused:
        leg = await self._legs.leg(asked, way.server)
        if isinstance(leg, Failed):
            return refused_by_all(asked, {way.server: leg})
        return await self._sent(asked, call, way, leg)

    async def _sent(self, asked: Asked, call: Call, way: Route, leg: Leg) -> Answer | Refused:
        """The message under the server's own names and in its era, and the answer on its way back."""
        message = asked.message
        bridge = COMBINED[asked.era, leg.era]
        if message.method in bridge.lost:
            return Refused(wrong=Wrong.METHOD, told=bridge.told, id=message.id, era=asked.era)
        text = sent(asked.request.body.decode(), way)
        params: Headers = ()
        if bridge.crossing is Crossing.TRANSLATED:
            if call.verb is Verb.CALL:  # a client of the older era mirrors nothing: here the gateway is the client
                known = self._gateway.mirrored.of(way.server, call.credentials, str(way.value))
                params = as_headers(known, call.arguments)
            text = to_legacy(text) if leg.era is Era.LEGACY else to_modern(text, asked.client)
        said = Said(
            body=text.encode(),
            method=message.method,
            name=str(way.value) if way.path in {("params", "name"), ("params", "uri")} else "",
            mirrored=asked.era is leg.era,
            params=params if leg.era is Era.MODERN else (),
        )
        served = await self._legs.send(asked, way.server, leg, said)
        return self._back(asked, way.server, leg, served.answer)

    def _back(self, asked: Asked, server: str, leg: Leg, got: Answer) -> Answer:
        """The server's answer under the names of this endpoint, in the client's era."""
        change = _Back(asked, server, leg, self._for_nobody)
        if isinstance(got.body, bytes):
            return msgspec.structs.replace(got, body=change(got.body)) if got.body else got
        event_ids = server + SEPARATOR if asked.era is Era.LEGACY and leg.era is Era.LEGACY else None
        return msgspec.structs.replace(got, body=Renamed(got.body, change, event_ids, self._limits))

    def _for_nobody(self, asked: Asked, server: str, leg: Leg, request: Envelope) -> None:
        """A server asks a client of the era without its requests: the gateway answers, and records it."""
        body: JsonObject = {"jsonrpc": "2.0", "id": request.id}
        if request.method == "ping":
            body["result"] = {}
        else:
            told = "a request of the server to a client of the era without them"
            self._gateway.refuse(Refused(wrong=Wrong.ERAS, told=told), server, asked.request)
            body["error"] = {"code": TABLE[Wrong.METHOD][1], "message": "Method not found"}
        said = Said(body=encode(body), seconds=self._limits.combined_seconds_max)
        work = asyncio.create_task(self._legs.send(asked, server, leg, said))
        self._answers.add(work)
        work.add_done_callback(self._answers.discard)

    async def _admitted(self, asked: Asked, call: Call) -> Answer | None:
        """None where some server lets the principal in; else the refusal."""
        done = await self._who(asked, call)
        return done if isinstance(done, Answer) else None

    async def _who(self, asked: Asked, call: Call) -> Answer | Call:
        """The call with its principal, whom at least one server lets in; else the refusal."""
        refused: Decided | None = None
        for number, server in enumerate(self._servers, 1):
            one = msgspec.structs.replace(
                call, uid=f"{call.uid}.{number}", server=server, verb=Verb.CONNECT, method="ping", target="", params={}
            )
            decided = await self._gateway.judge(one)
            if decided is None:
                return unrecorded()
            if decided.decision.effect is not Effect.DENY:
                return msgspec.structs.replace(call, principal=decided.call.principal)
            if refused is None or decided.decision.refusal is Refusal.UNAUTHENTICATED:
                refused = decided
        if refused is None:
            return answer(reply_to(Refused(wrong=Wrong.PATH)))
        return answer(denial(refused.call, asked.message.id, refused.decision))

    async def _nothing_named(self, asked: Asked, call: Call) -> Answer | Refused:
        """What names nothing is told to whoever is let in only: others do not learn which servers there are."""
        who = await self._who(asked, call)
        if isinstance(who, Answer):
            return who
        if asked.message.kind != "request":
            return Refused(wrong=Wrong.NOT_A_MESSAGE, told="this answers nothing that was asked here", era=asked.era)
        decided = Decided(call=who, decision=_NOTHING_NAMED, decisions=(_NOTHING_NAMED,))
        if not recorded(self._parts.bus, call_event(decided)):
            return unrecorded()
        return answer(denial(who, asked.message.id, _NOTHING_NAMED))


class _Back:
    """Changes one server's messages to what the client understands."""

    def __init__(self, asked: Asked, server: str, leg: Leg, for_nobody: ForNobody) -> None:
        self._asked, self._server, self._leg, self._for_nobody = asked, server, leg, for_nobody

    def __call__(self, data: bytes) -> bytes:
        asked = self._asked
        message = envelope(decode(data))
        text = returned(data.decode(), message, asked.message.method, self._server)
        if asked.era is self._leg.era:
            return text.encode()
        if message.kind == "request":
            self._for_nobody(asked, self._server, self._leg, message)
            return b""
        if asked.era is Era.MODERN:
            return from_legacy(text, message, asked.message.method).encode()
        try:
            return from_modern(text, message).encode()
        except RemoteProtocolError as trouble:
            return encode(error(message.id, -32603, str(trouble).capitalize()))


def _done(identity: RequestId | None) -> Answer:
    """Nothing to say but that it is done."""
    if identity is None:
        return Answer(status=202)
    result: JsonObject = {}
    return Answer(status=200, headers=_JSON, body=encode({"jsonrpc": "2.0", "id": identity, "result": result}))
