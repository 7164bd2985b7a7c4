"""The gateway: every message of every client is read, judged, recorded, and only then sent on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from bartizan.adapters.bus.grouped import Direct, Recorder
from bartizan.adapters.transports.deadlines import Deadlines
from bartizan.adapters.transports.listener import Answer, Request
from bartizan.app.call_events import call_event, ended_event, refused_event
from bartizan.app.relaying import Relay, Sender, answer
from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Heard
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.event import Event
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Answer as NeedAnswer
from bartizan.model.need import AskPerson, Question, Take
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era
from bartizan.ports import Bus, BusError
from bartizan.prevent.gate import Decided, Gate, failed
from bartizan.protocol.jsonrpc import encode
from bartizan.protocol.relay.downstream import Answered
from bartizan.protocol.relay.editing import edited
from bartizan.protocol.relay.mirrored import Mirrored
from bartizan.protocol.relay.places import Endpoint, Places
from bartizan.protocol.relay.reading import Arrival, Reading, head_of, read_behind
from bartizan.protocol.relay.refusals import Headers, Refused, Reply, Wrong, denial, denial_message, reply_to
from bartizan.protocol.relay.sessions import seal, unseal

_JSON = (("content-type", "application/json"),)
# What lets calls that are under way come to their end.
_ENDING = frozenset({Verb.ANSWER, Verb.NOTIFY})
_MEMO = "gateway"
_METADATA = (*_JSON, ("cache-control", "max-age=300"))


class GatewayParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `serve` chooses. `key` seals sessions; `resolve` answers the guards' questions.

    `metadata` gives the RFC 9728 document of a server, or None where nobody is authenticated by tokens. Without a
    `recorder` each Event is a commit of its own.
    """

    gate: Gate
    servers: Mapping[str, Sender]
    places: Places
    bus: Bus
    key: Secret
    now: Callable[[], datetime]
    uid: Callable[[], str]
    resolve: Callable[[Question], Awaitable[NeedAnswer]]
    metadata: Callable[[str], JsonObject | None] = lambda _server: None
    spend: Callable[[Sequence[Take]], None] = lambda _takes: None
    limits: Limits = DEFAULT
    recorder: Recorder | None = None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, who asked as far as that is known, and the decision where policy refused."""

    answer: Answer
    principal: str = ""
    denied: Decision | None = None


class Door:
    """Lets through the messages of one principal, and says when one has passed: it is judged, and goes on."""

    def __init__(self, principal: str) -> None:
        self._principal = principal
        self.passed = asyncio.Event()

    def opens(self, principal: str) -> bool:
        """Whether it is the right one."""
        if principal == self._principal:
            self.passed.set()
        return principal == self._principal


Further = Callable[[Request, str], Awaitable[Answer]]
"""Answers requests at an endpoint beside those of single servers. It is given the server that the path names."""


class _Means(NamedTuple):
    """What a passage does its work with, beside what `serve` chose."""

    recorder: Recorder
    deadlines: Deadlines
    mirrored: Mirrored


class _Known:
    """What the head of a request says: whether its place is foreign, what it asks for, and the rest of it."""

    __slots__ = ("_certificate", "_places", "_target", "endpoint", "head", "server", "wrong")

    def __init__(self, request: Request, places: Places) -> None:
        self._places, self._target, self._certificate = places, request.target, request.certificate
        self.wrong = places.foreign(request.headers)
        self.endpoint, self.server = places.find(request.target)
        self.head = head_of(request.headers, request.certificate)

    def holds(self, request: Request, places: Places) -> bool:
        """Whether it is of this request too, whose headers are the same."""
        return self._places is places and self._target == request.target and self._certificate is request.certificate


class Gateway:
    """Handles requests. It keeps no state of its own between them. `further` endpoints are added by `serve`."""

    def __init__(self, parts: GatewayParts) -> None:
        self.parts = self._parts = parts
        self.mirrored = Mirrored(parts.limits)
        self._means = _Means(
            parts.recorder or Direct(parts.bus), Deadlines(parts.limits.answer_seconds_max), self.mirrored
        )
        self.draining = False
        self.further: dict[Endpoint, Further] = {}

    async def handle(self, request: Request) -> Answer:
        """Answer one request of whoever it is."""
        known = self._known(request)
        if known.wrong is not None:
            return self.refuse(Refused(wrong=known.wrong), "", request)
        endpoint, server = known.endpoint, known.server
        match endpoint:
            case Endpoint.MCP if server in self._parts.servers:
                return (await self.serve(request, server)).answer
            case _ if endpoint in self.further and (not server or server in self._parts.servers):
                return await self.further[endpoint](request, server)
            case Endpoint.METADATA if (document := self._metadata(request, server)) is not None:
                return Answer(status=200, headers=_METADATA, body=encode(document))
            case Endpoint.HEALTH | Endpoint.READINESS if request.method == "GET":
                ready = endpoint is Endpoint.HEALTH or not self.draining
                return Answer(status=200 if ready else 503, headers=_JSON, body=encode({"ready": ready}))
            case _:
                return self.refuse(Refused(wrong=Wrong.PATH), "", request)

    def _known(self, request: Request) -> "_Known":
        """What the head of a request says; once for a client that repeats itself on one connection."""
        memo: dict[str, object] | None = getattr(request.headers, "memo", None)
        known = memo.get(_MEMO) if memo is not None else None
        if not (isinstance(known, _Known) and known.holds(request, self._parts.places)):
            known = _Known(request, self._parts.places)
            if memo is not None:
                memo[_MEMO] = known
        return known

    def _metadata(self, request: Request, server: str) -> JsonObject | None:
        known = server in self._parts.servers if server else Endpoint.COMBINED in self.further
        return self._parts.metadata(server) if known and request.method == "GET" else None

    def arrival(self, request: Request, server: str, *, combined: bool = False) -> Arrival:
        """What is known of a request before it is read."""
        return Arrival(
            uid=self._parts.uid(),
            at=self._parts.now(),
            server=server,
            combined=combined,
            certificate=request.certificate,
        )

    async def serve(
        self,
        request: Request,
        server: str,
        *,
        combined: bool = False,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Served:
        """Read, judge and record a request to a server, and pass it on; its answer must begin within `seconds`.

        Where there is a `door`, only the principal goes on for whom it opens.
        """
        parts = self._parts
        arrival = self.arrival(request, server, combined=combined)
        head = self._known(request).head
        reading = (
            head
            if isinstance(head, Refused)
            else read_behind(head, request.method, request.body, arrival, parts.limits)
        )
        if isinstance(reading, Refused):
            return Served(answer=self.refuse(reading, server, request, arrival))
        if self.draining and any(item.call.verb not in _ENDING for item in reading.items):
            refused = Refused(wrong=Wrong.ENDING, id=reading.items[0].id, era=reading.era)
            return Served(answer=self.refuse(refused, server, request, arrival))
        if reading.era is Era.MODERN and (wrong := self._means.mirrored.wrong(reading.items[0].call, request.headers)):
            refused = Refused(wrong=Wrong.HEADER, told=wrong, id=reading.items[0].id)
            return Served(answer=self.refuse(refused, server, request, arrival))
        decided: list[Decided] = []
        try:
            for item in reading.items:
                decided.append(await self._settle(item.call))  # noqa: PERF401 - what was settled must be undone
            decided = [_mirrored(reading, one) for one in decided]
            body, reading = _rewritten(request.body, reading, decided), _settled(reading, decided)
            passage = Passage(parts, self._means, body, reading, decided)
            who = principal_id(decided[0].call)
            refusals = [one.decision for one in decided if one.decision.effect is Effect.DENY]
            if refusals:
                denied = refusals[0]
                return Served(answer=await passage.denied(), principal=who, denied=denied)
            if door is not None and not door.opens(who):
                return Served(answer=passage.foreign(), principal=who)
            return Served(answer=await passage.forward(parts.servers[server], seconds), principal=who)
        except BaseException:
            for one in decided:
                parts.gate.done(one.call)
            raise

    async def judge(self, call: Call) -> Decided | None:
        """Judge and record what the gateway answers by itself. None where it cannot be recorded."""
        decided = await self._settle(call)
        self._parts.gate.done(decided.call)
        return decided if recorded(self._parts.bus, call_event(decided)) else None

    async def _settle(self, call: Call) -> Decided:
        """What the guards decide. A question that nobody answers in time is Deny."""
        answers: dict[str, list[NeedAnswer]] = {}
        for _ in range(self._parts.limits.needs_max):
            judged = self._parts.gate.judge(call, answers)
            if isinstance(judged, Decided):
                return judged
            try:
                async with asyncio.timeout(_seconds(judged.need.question, self._parts.limits)):
                    found = await self._parts.resolve(judged.need.question)
            except Exception as error:  # whatever it was, nobody answered
                reason = f"no answer to what the guard asked: {type(error).__name__}"
                return self._undecided(call, failed(judged.guard, reason))
            answers.setdefault(judged.guard, []).append(found)
        return self._undecided(call, failed("gate", "the guards asked more than `needs_max` questions"))

    def _undecided(self, call: Call, decision: Decision) -> Decided:
        return Decided(call=call, decision=decision, decisions=(decision,), policy=self._parts.gate.version)

    def refuse(self, refused: Refused, server: str, request: Request, arrival: Arrival | None = None) -> Answer:
        """Refuse what was not understood, or came from a foreign place; it is recorded all the same."""
        uid, at = (arrival.uid, arrival.at) if arrival else (self._parts.uid(), self._parts.now())
        event = refused_event(refused, uid=uid, at=at, server=server, peer=request.peer, size=len(request.body))
        return answer(reply_to(refused)) if recorded(self._parts.bus, event) else unrecorded()


def _seconds(question: Question, limits: Limits) -> float:
    """How long an answer may take: a person has longer."""
    waits = question.wait_seconds if isinstance(question, AskPerson) else 0.0
    return limits.need_seconds_max + min(waits, limits.confirm_seconds_max)


def _mirrored(reading: Reading, decided: Decided) -> Decided:
    """What is rewritten in the body cannot stand in a header too: which of them say the same only the server knows."""
    if decided.edits and any(name.startswith("mcp-param-") for name, _ in reading.headers):
        refused = failed("gate", "a rewritten call has arguments in its headers")
        return Decided(call=decided.call, decision=refused, decisions=(refused,), policy=decided.policy)
    return decided


def _rewritten(body: bytes, reading: Reading, decided: Sequence[Decided]) -> bytes:
    """The body as the guards leave it: the very bytes that came, unless one of them rewrote a string."""
    if not any(one.edits for one in decided):
        return body
    prefixes = [f"/{number}" for number in range(len(decided))] if reading.batch else [""]
    edits = [
        msgspec.structs.replace(edit, pointer=prefix + edit.pointer)
        for prefix, one in zip(prefixes, decided, strict=True)
        for edit in one.edits
    ]
    return edited(body.decode(), edits).encode()


def _settled(reading: Reading, decided: Sequence[Decided]) -> Reading:
    """The reading with who asks, and with what the guards left of it."""
    pairs = zip(reading.items, decided, strict=True)
    items = tuple([msgspec.structs.replace(item, call=one.call) for item, one in pairs])
    return msgspec.structs.replace(reading, items=items)


class _ForeignEventError(Exception):
    """A stream that somebody else had is not replayed."""


def _trouble(error: Exception) -> tuple[Wrong, str]:
    """What is told of a message that got no answer, and what is recorded."""
    match error:
        case _ForeignEventError():
            return Wrong.EVENT_ID, "a Last-Event-ID that this principal was not given here"
        case TimeoutError():
            return Wrong.UPSTREAM_LATE, "no answer in time"
        case _:
            return Wrong.UPSTREAM, str(error) or type(error).__name__


class Passage:
    """One request that was understood and judged: to its server and back, or refused. Its guards hear of its end."""

    def __init__(
        self, parts: GatewayParts, means: _Means, body: bytes, reading: Reading, decided: Sequence[Decided]
    ) -> None:
        self._parts, self._recorder, self._deadlines = parts, means.recorder, means.deadlines
        self._mirrored = means.mirrored
        self._body, self._reading, self._decided = body, reading, decided
        self._over = False
        self._heard: list[Decision] = []

    async def denied(self) -> Answer:
        """Refuse it; of a batch, every message, because a batch is sent whole or not at all."""
        self._done()
        if not await self._record():
            return unrecorded()
        if not self._reading.batch:
            item = self._reading.items[0]
            return answer(denial(item.call, item.id, self._decided[0].decision))
        worst = max((one.decision for one in self._decided), key=lambda decision: decision.effect.rank)
        told: list[JsonObject] = [
            denial_message(item.call, item.id, one.decision if one.decision is not ALLOWED else worst)
            for item, one in zip(self._reading.items, self._decided, strict=True)
            if item.id is not None
        ]
        head = denial(self._reading.items[0].call, None, worst)
        status = head.status if head.status != 403 or not told else 200
        return Answer(status=status, headers=(*_JSON, *head.headers), body=encode(told) if told else b"")

    async def forward(self, sender: Sender, seconds: float | None = None) -> Answer:
        """Send it on, once it is recorded, and give the server's answer."""
        session = self._session()
        if session is None:
            return self.foreign()
        if not await self._record():
            self._done()
            return unrecorded()
        try:
            if seconds is None:
                with self._deadlines.within(self._parts.limits.answer_seconds_max):
                    return await self._exchanged(sender, session)
            async with asyncio.timeout(seconds):
                return await self._exchanged(sender, session)
        except (_ForeignEventError, RemoteProtocolError, OSError) as error:
            return self._failed(*_trouble(error))

    def foreign(self) -> Answer:
        """Refuse it: it speaks in a session that somebody else has."""
        return self._failed(Wrong.SESSION, "a session that this principal was not given here")

    async def _exchanged(self, sender: Sender, session: str) -> Answer:
        event_id = self._event_id if self._reading.era is Era.LEGACY else None
        answered = Answered(self._reading, self._visible, self._parts.limits, self._hear, event_id)
        relay = Relay(self._reading, answered, self._parts.limits, self._sealed)
        headers = self._reading.head.forwarded(session, resumes=self._reading.http_method == "GET")
        if self._reading.http_method == "GET":
            headers = self._resuming(headers)
        upstream = await sender.send(self._reading, headers, self._body)
        return await relay.answer(upstream, self._ended)

    def _failed(self, wrong: Wrong, reason: str) -> Answer:
        item = self._reading.items[0]
        identity = None if self._reading.batch else item.id
        self._ended(0, reason)
        return answer(reply_to(Refused(wrong=wrong, id=identity, era=self._reading.era)))

    def _session(self) -> str | None:
        """The server's own id of the session; empty where the client showed none."""
        sealed = self._reading.session
        if not sealed or self._reading.opens:
            return ""
        return self._reading.head.opened(self._parts.key, self._server, self._principal)

    def _sealed(self, session: str) -> str:
        return seal(self._parts.key, self._server, self._principal, session)

    def _event_id(self, identity: str) -> str:
        """An event's id, bound to the server and the principal whose stream it stands in."""
        return seal(self._parts.key, f"event of {self._server}", self._principal, identity)

    def _resuming(self, headers: Headers) -> Headers:
        """The id from which a stream goes on, as the server gave it. Raises _ForeignEventError."""
        passed: list[tuple[str, str]] = []
        for name, value in headers:
            if name == "last-event-id":
                said = unseal(self._parts.key, f"event of {self._server}", self._principal, value)
                if said is None:
                    raise _ForeignEventError
                value = said  # noqa: PLW2901 - the one that changes
            passed.append((name, value))
        return tuple(passed)

    @property
    def _server(self) -> str:
        return self._reading.items[0].call.server

    @property
    def _principal(self) -> str:
        return principal_id(self._reading.items[0].call)

    def _visible(self, call: Call, definitions: list[Any]) -> Sequence[bool] | None:
        if call.method == "tools/list" and call.era is Era.MODERN:
            self._mirrored.learn(call, definitions)
        return self._parts.gate.visible(call, definitions)

    def _hear(self, call: Call, message: JsonObject) -> Heard | None:
        heard = self._parts.gate.hear(call, message)
        if heard is not None:
            room = self._parts.limits.heard_decisions_max - len(self._heard)
            self._heard += heard.decisions[:room]
        return heard

    async def _record(self) -> bool:
        """Every message with its decision, before anything of it goes on."""
        try:
            await self._recorder.accepted(*[call_event(one) for one in self._decided])
        except BusError:
            return False
        return True

    def _ended(self, size: int, trouble: str) -> None:
        """The answer has ended. That it cannot be recorded any more cannot be mended by refusing."""
        if not self._over:
            self._done()
            self._spend(size)
            self._recorder.later(ended_event(self._decided[0].call, self._parts.now(), size, trouble, self._heard))

    def _spend(self, size: int) -> None:
        """Of a batch each call has taken the whole answer: nobody knows better, and it rounds against the caller."""
        for one in self._decided:
            if takes := self._parts.gate.spent(one.call, size):
                self._parts.spend(takes)

    def _done(self) -> None:
        if not self._over:
            self._over = True
            for one in self._decided:
                self._parts.gate.done(one.call)


def principal_id(call: Call) -> str:
    """Who makes a call, as far as that is known."""
    return call.principal.id if call.principal else ""


def recorded(bus: Bus, *events: Event) -> bool:
    """Whether the bus took them."""
    try:
        bus.accept(*events)
    except BusError:
        return False
    return True


def unrecorded() -> Answer:
    """What cannot be recorded does not happen."""
    reply: Reply = reply_to(Refused(wrong=Wrong.UNRECORDED))
    return answer(reply)
