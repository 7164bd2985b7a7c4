"""A session that lists what a server defines, and calls nothing. Bytes in, effects out, time as an argument.

It opens the modern way, falls back to the handshake on any other answer, an odd one or silence, then lists what the
server's capabilities declare, page by page. Times are seconds of any clock that only goes forward.
"""

from typing import Any, Literal, cast

from bartizan.model.coverage import Outcome
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.snapshot import Era
from bartizan.ports import Message
from bartizan.protocol import ladder, mcp
from bartizan.protocol.effects import Effect, Finished, PartLook, Send
from bartizan.protocol.faults import Faults
from bartizan.protocol.incoming import Incoming, says
from bartizan.protocol.jsonrpc import Envelope, RequestId, decode, envelope
from bartizan.protocol.ladder import Opening, State, Turn
from bartizan.protocol.pages import Pages


class Listing:
    """One session with one server. What it gathered stands in `discovered`, `pages`, `faults`."""

    def __init__(self, limits: Limits = DEFAULT, *, first: Era = Era.MODERN) -> None:
        self._limits = limits
        self.state = State.NEW
        self.era = first
        self.version = mcp.RULES[first].versions[0]
        self.discovered: dict[str, Any] | None = None
        self.pages = {part.name: Pages(part, limits) for part in mcp.PARTS}
        self.faults = Faults(limits.faults_max)
        self.failure = ""
        self._end: Literal[Outcome.FAILED, Outcome.TRUNCATED] = Outcome.FAILED
        self._opening_note = ""
        self._late: Opening | None = None
        self._late_result: dict[str, Any] = {}
        self._number = 0
        self._pending: RequestId | None = None
        self._asked: dict[RequestId, str] = {}
        self._answered: set[RequestId] = set()
        self._tried: set[str] = set()
        self._todo: list[Pages] = []
        self._incoming = Incoming(limits)
        self._ends_at = self._deadline = 0.0

    @property
    def finished(self) -> bool:
        """Whether nothing more will be asked."""
        return self.state is State.FINISHED

    @property
    def deadline(self) -> float:
        """When to call `elapse`, unless something comes before."""
        return min(self._deadline, self._ends_at)

    def start(self, now: float) -> list[Effect]:
        """Begin."""
        self._ends_at = now + self._limits.probe_seconds_max
        turn = Turn.ASK_MODERN if self.era is Era.MODERN else Turn.ASK_LEGACY
        return self._take(Opening(turn=turn, version=self.version), now)

    def receive(self, body: bytes, now: float) -> list[Effect]:
        """Take one message as it came."""
        if self.finished:
            return []
        try:
            self._incoming.count(body)
        except LimitExceededError as error:
            return self._stop(str(error), Outcome.TRUNCATED)
        try:
            envelopes = self._incoming.read(body, batches=self.version == mcp.BATCH_VERSION)
        except RemoteProtocolError as error:
            return self._unreadable(body, str(error), now)
        effects: list[Effect] = []
        for one in envelopes:
            effects += self._dispatch(one, now)
        return effects

    def refuse(self, identity: RequestId | None, status: int, reason: str, body: bytes, now: float) -> list[Effect]:
        """Take a refusal of one request below JSON-RPC: an HTTP status, a stream that ended too early."""
        if self.finished or identity is None or identity != self._pending:
            return []
        error: dict[str, Any] = {"code": 0, "message": reason}
        try:
            inner = envelope(decode(body, self._limits)) if body else None
        except RemoteProtocolError:
            inner = None
        if inner is not None and inner.kind == "error":
            error = inner.error
        return self._error(identity, error, f"{reason}{says(error)}" if status else reason, now)

    def close(self, reason: str, *, limit: bool = False) -> list[Effect]:
        """Take the end of the transport."""
        return [] if self.finished else self._stop(reason, Outcome.TRUNCATED if limit else Outcome.FAILED)

    def elapse(self, now: float) -> list[Effect]:
        """Take that the deadline has passed."""
        if self.finished or now < self.deadline:
            return []
        if now >= self._ends_at:
            return self._stop(f"limit probe_seconds_max ({self._limits.probe_seconds_max:g}) exceeded", Outcome.FAILED)
        if self.state is State.DISCOVERING:
            return self._take(Opening(turn=Turn.ASK_LEGACY, version=mcp.RULES[Era.LEGACY].versions[0]), now)
        if self.state is State.INITIALIZING:
            return self._settle("no answer to `initialize` in time", now)
        self._todo[0].fail("no answer in time")
        return self._next(now)

    # What comes in

    def _unreadable(self, body: bytes, reason: str, now: float) -> list[Effect]:
        """A message that cannot be read may be the awaited one, so from now on the wait is short."""
        if body[:1] not in b"{[\xef":  # an object, an array, or perhaps one of them behind a byte order mark
            self.faults.note_text()
            return []
        self.faults.note(f"a message that was refused: {reason}")
        self._deadline = min(self._deadline, now + self._limits.unreadable_seconds_max)
        return []

    def _dispatch(self, one: Envelope, now: float) -> list[Effect]:
        if self.finished or one.kind == "notification":
            return []
        if one.kind == "request":
            return self._asked_by_server(one)
        if one.id is None and self.state is State.DISCOVERING:
            return self._error(self._pending, one.error, "an error without an id", now)
        if not self._expected(one.id):
            return []
        if one.kind == "result":
            return self._result(one, now)
        return self._error(one.id, one.error, f"answered with an error{says(one.error)}", now)

    def _asked_by_server(self, one: Envelope) -> list[Effect]:
        identity = cast("RequestId", one.id)
        reply = mcp.answer(self.era, self.version, identity, one.method)
        if reply is None:
            self.faults.note("a request of the server, which this era does not have")
            return []
        if one.method not in mcp.RULES[self.era].answers:
            self.faults.note_request(one.method)
        return [Send(reply)]

    def _expected(self, identity: RequestId | None) -> bool:
        """Whether it answers what we wait for. The type counts: "1" does not answer 1."""
        if identity == self._pending and type(identity) is type(self._pending):
            return True
        if identity in self._answered:
            self.faults.note("a second answer to one request")
        elif identity in self._asked and self._asked[identity] == "server/discover":
            return True
        elif identity not in self._asked:
            self.faults.note("an answer to a request that was never made")
        return False

    # Openings

    def _result(self, one: Envelope, now: float) -> list[Effect]:
        identity = cast("RequestId", one.id)
        self._answered.add(identity)
        if self._asked[identity] == "server/discover":
            return self._discovered(identity, ladder.judge_discover(one.result), one.result, now)
        if self._asked[identity] == "initialize":
            return self._initialized(one.result, now)
        pages = self._todo[0]
        if (cursor := pages.take(one.result, self.era, self._definitions())) is None:
            return self._next(now)
        return [self._list(pages, cursor, now)]

    def _error(self, identity: RequestId | None, error: dict[str, Any], reason: str, now: float) -> list[Effect]:
        if identity is None:
            return []
        self._answered.add(identity)
        method = self._asked[identity]
        if method == "server/discover":
            return self._discovered(identity, ladder.judge_discover_error(error), {}, now)
        if method == "initialize":
            return self._settle(reason, now)
        self._todo[0].refuse(error, reason)
        return self._next(now)

    def _discovered(self, identity: RequestId, opening: Opening, result: dict[str, Any], now: float) -> list[Effect]:
        if identity != self._pending:  # late: the handshake's answer decides, unless there is none
            self._late, self._late_result = opening, result
            return []
        if opening.turn is Turn.SPEAKS_MODERN:
            return self._begin(opening, result, now)
        if opening.turn is Turn.ASK_MODERN and opening.version in self._tried:
            opening = Opening(turn=Turn.END, reason="refuses the protocol version that it says it supports")
        return self._take(opening, now)

    def _initialized(self, result: dict[str, Any], now: float) -> list[Effect]:
        version = result.get("protocolVersion")
        if not ladder.knows(version):
            self._opening_note = "answered `initialize` with a protocol version that this release does not know"
            version = self.version
        effects: list[Effect] = [Send(mcp.notification(Era.LEGACY, cast("str", version), "notifications/initialized"))]
        return effects + self._begin(Opening(turn=Turn.SPEAKS_LEGACY, version=cast("str", version)), result, now)

    def _settle(self, reason: str, now: float) -> list[Effect]:
        """The handshake failed; a modern answer that came late still opens the session."""
        if self._late is not None and self._late.turn is Turn.SPEAKS_MODERN:
            self.era = Era.MODERN
            return self._begin(self._late, self._late_result, now)
        return self._stop(reason, Outcome.FAILED)

    def _take(self, opening: Opening, now: float) -> list[Effect]:
        if opening.turn is Turn.END:
            return self._stop(opening.reason, Outcome.FAILED)
        self.state = ladder.move(self.state, opening.turn)
        self.version = opening.version
        self._tried.add(self.version)
        self._number += 1
        if self.state is State.DISCOVERING:
            self.era = Era.MODERN
            message = mcp.request(Era.MODERN, self.version, self._number, "server/discover", {})
            return [self._ask(message, now + self._limits.discover_seconds_max)]
        self.era = Era.LEGACY
        return [self._ask(mcp.initialize(self.version, self._number), now + self._limits.start_seconds_max)]

    # Lists

    def _begin(self, opening: Opening, result: dict[str, Any], now: float) -> list[Effect]:
        self.state = ladder.move(self.state, opening.turn)
        self.version, self.discovered = opening.version, result
        capabilities: Any = result.get("capabilities")
        for pages in self.pages.values():
            if not isinstance(capabilities, dict) or isinstance(
                cast("dict[str, Any]", capabilities).get(pages.part.capability), dict
            ):
                self._todo.append(pages)
            else:
                pages.absent("not among the server's capabilities")
        if not isinstance(capabilities, dict):
            self._opening_note = self._opening_note or "named no capabilities, so all lists were asked for"
        return self._ask_next(now)

    def _next(self, now: float) -> list[Effect]:
        self._todo.pop(0)
        return self._ask_next(now)

    def _ask_next(self, now: float) -> list[Effect]:
        if not self._todo:
            self.state, self._pending = ladder.move(self.state, Turn.END), None
            return [Finished()]
        return [self._list(self._todo[0], None, now)]

    def _list(self, pages: Pages, cursor: str | None, now: float) -> Effect:
        self.state = ladder.move(self.state, Turn.NEXT_LIST)
        self._number += 1
        params = {} if cursor is None else {"cursor": cursor}
        message = mcp.request(self.era, self.version, self._number, pages.part.method, params)
        return self._ask(message, now + self._limits.request_seconds_max)

    def _definitions(self) -> int:
        return sum(len(pages.definitions) for pages in self.pages.values())

    def _ask(self, message: Message, deadline: float) -> Effect:
        identity = cast("RequestId", message.identity)
        self._pending, self._deadline = identity, deadline
        self._asked[identity] = message.method
        return Send(message)

    def _stop(self, reason: str, outcome: Literal[Outcome.FAILED, Outcome.TRUNCATED]) -> list[Effect]:
        self.state = ladder.move(self.state, Turn.END)
        self.failure, self._end, self._pending = reason, outcome, None
        for pages in self._todo:
            pages.fail(reason, outcome)
        return [Finished()]

    # What it brought

    def looks(self) -> list[PartLook]:
        """How the look at each part ended; none reads as clean that was not whole."""
        if self.discovered is None:
            reason = self.failure or "the session did not begin"
            unseen = [
                PartLook(part=name, outcome=Outcome.FAILED, reason="the session did not begin") for name in self.pages
            ]
            return [PartLook(part="discover", outcome=self._end, reason=reason), *unseen, *self._fault_looks()]
        opening = Outcome.FAILED if self._opening_note else Outcome.LOOKED
        looks = [PartLook(part="discover", outcome=opening, reason=self._opening_note)]
        looks += [
            PartLook(part=name, outcome=pages.outcome or Outcome.FAILED, reason=pages.reason)
            for name, pages in self.pages.items()
        ]
        return looks + self._fault_looks()

    def _fault_looks(self) -> list[PartLook]:
        if not (reason := self.faults.summary()):
            return []
        outcome = Outcome.FAILED if self.faults.grave else Outcome.LOOKED
        return [PartLook(part="protocol", outcome=outcome, reason=reason)]
