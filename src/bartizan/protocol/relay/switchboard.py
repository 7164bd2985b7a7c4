"""One channel that carries the messages of many requests, as stdio and HTTP+SSE have it: what belongs where.

A legacy session has its channel to itself, and the client's ids are used as they are. Modern clients of one principal
share one: there the gateway puts ids of its own in place of the clients' and gives each client its own back, in its own
spelling. Nothing else of a message changes.
"""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import msgspec

from bartizan.model.call import Verb
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.json import as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.protocol.faults import Faults
from bartizan.protocol.jsonrpc import Envelope, RequestId, decode, encode, envelope
from bartizan.protocol.mcp import META
from bartizan.protocol.relay.reading import Item, Reading
from bartizan.protocol.relay.refusals import TABLE, Wrong, error
from bartizan.protocol.relay.rewriting import Span, elements, replaced, span

_SUBSCRIPTION = META + "subscriptionId"
_LOG_LEVEL = META + "logLevel"
_PROGRESS, _CANCELLED, _LOG = "notifications/progress", "notifications/cancelled", "notifications/message"
_ONE_LINE = str.maketrans("\r\n", "  ")  # raw, they stand between the tokens of a JSON text only


class IdInUseError(Exception):
    """The client has asked with this id and has no answer yet."""


class Exchange:
    """What one HTTP request waits for: ids as the server knows them, each with the client's own as it wrote it.

    `streams` is whether its answer may hold other messages before the last one.
    """

    def __init__(self, *, streams: bool) -> None:
        self.streams = streams
        self.waiting: dict[RequestId, str] = {}
        self.tokens: dict[RequestId, str] = {}
        self.subscribes = self.logs = False

    @property
    def over(self) -> bool:
        """Whether everything is answered."""
        return not self.waiting


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the server and the exchange that it belongs to; None for what belongs to the session itself."""

    exchange: Exchange | None
    message: bytes


class Switchboard(Protocol):
    """Who waits for what on one channel. `faults` says what was not passed on, and why."""

    faults: Faults

    @property
    def busy(self) -> bool:
        """Whether anything waits."""
        ...

    def ask(self, reading: Reading, body: bytes, *, streams: bool) -> tuple[Exchange, list[bytes]]:
        """Take a client's request: what waits now, and the lines for the server. Raises IdInUseError."""
        ...

    def hear(self, line: bytes) -> list[Heard]:
        """Place what the server says. Raises LimitExceededError for what is beyond any limit."""
        ...

    def leave(self, exchange: Exchange) -> list[bytes]:
        """Nobody waits for this any longer; gives what the server must be told."""
        ...


def lines_of(body: bytes, *, batch: bool) -> list[str]:
    """The messages of a body, each as one line; every message of a batch stands alone, for few servers take batches."""
    text = body.decode().translate(_ONE_LINE).strip(" \t")
    return [text[slice(*one)] for one in elements(text)] if batch else [text]


def unanswered(exchange: Exchange, told: str) -> list[bytes]:
    """Errors for what the server will not answer any more, in the client's ids."""
    _, code = TABLE[Wrong.UPSTREAM]
    made = encode(error(None, code, told)).decode()
    place = cast("Span", span(made, "id"))
    return [replaced(made, [(place, identity)]).encode() for identity in exchange.waiting.values()]


class _Board:
    """What both eras have in common."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self.faults = Faults(limits.faults_max)
        self._asked: dict[RequestId, Exchange] = {}
        self._tokens: dict[RequestId, Exchange] = {}

    @property
    def busy(self) -> bool:
        """Whether anything waits."""
        return bool(self._asked)

    def hear(self, line: bytes) -> list[Heard]:
        """Place what the server says."""
        try:
            value = decode(line, self._limits)
        except LimitExceededError:
            raise
        except RemoteProtocolError as trouble:
            if not line.lstrip().startswith((b"{", b"[")):
                self.faults.note_text()
            else:
                self.faults.note(str(trouble)[:100])
            return []
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        text = line.decode().translate(_ONE_LINE)
        texts = [text[slice(*one)] for one in elements(text)] if isinstance(value, list) else [text]
        return [heard for one, its in zip(several, texts, strict=True) if (heard := self._message(one, its))]

    def _message(self, value: Any, text: str) -> Heard | None:
        try:
            return self._placed(envelope(value), text)
        except RemoteProtocolError as trouble:
            self.faults.note(str(trouble)[:100])
            return None

    def _placed(self, message: Envelope, text: str) -> Heard:
        raise NotImplementedError

    def _answered(self, message: Envelope) -> Exchange:
        """The exchange that an answer belongs to. Raises RemoteProtocolError for one that nobody waits for."""
        exchange = self._asked.pop(message.id, None) if message.id is not None else None
        if exchange is None:
            raise RemoteProtocolError("an answer that nobody waits for")
        return exchange

    def _settled(self, exchange: Exchange, identity: RequestId) -> None:
        """One id of an exchange has its answer."""
        exchange.waiting.pop(identity, None)
        if exchange.over:
            self._forget_tokens(exchange)

    def _forget_tokens(self, exchange: Exchange) -> None:
        for token in exchange.tokens:
            self._tokens.pop(token, None)

    def _forget(self, exchange: Exchange) -> None:
        for identity in exchange.waiting:
            self._asked.pop(identity, None)
        self._forget_tokens(exchange)
        exchange.waiting.clear()


class SessionBoard(_Board):
    """The channel of one legacy session: 2024-11-05 to 2025-11-25."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        super().__init__(limits)
        self._theirs: set[RequestId] = set()

    def ask(self, reading: Reading, body: bytes, *, streams: bool) -> tuple[Exchange, list[bytes]]:
        """Take a request, a notification, an answer to the server's own request, or a batch of them."""
        if reading.ids & self._asked.keys():
            raise IdInUseError
        texts = lines_of(body, batch=reading.batch)
        exchange = Exchange(streams=streams)
        lines = [
            text.encode() for item, text in zip(reading.items, texts, strict=True) if self._passes(item, text, exchange)
        ]
        return exchange, lines

    def _passes(self, item: Item, text: str, exchange: Exchange) -> bool:
        if item.call.verb is Verb.ANSWER:
            return self._asked_for(text)
        if item.id is not None:
            self._asked[item.id] = exchange
            exchange.waiting[item.id] = text[slice(*cast("Span", span(text, "id")))]
            token = _token(item)
            if token is not None:
                exchange.tokens[token] = ""
                self._tokens[token] = exchange
        return True

    def _asked_for(self, text: str) -> bool:
        """Whether the server has asked what this answers. Only then it hears of it."""
        identity = envelope(decode(text.encode(), self._limits)).id
        if identity is None or identity not in self._theirs:
            self.faults.note("an answer of the client that the server has not asked for")
            return False
        self._theirs.discard(identity)
        return True

    def leave(self, exchange: Exchange) -> list[bytes]:
        """A legacy client that is gone has cancelled nothing (2025-11-25, "Sending Messages"): only nobody listens."""
        self._forget(exchange)
        return []

    def _placed(self, message: Envelope, text: str) -> Heard:
        body = text.encode()
        if message.kind in {"result", "error"}:
            exchange = self._answered(message)
            self._settled(exchange, cast("RequestId", message.id))
            return Heard(exchange=exchange, message=body)
        if message.kind == "request":
            if len(self._theirs) >= self._limits.server_requests_max:
                raise RemoteProtocolError("more requests of the server than may wait for an answer")
            self._theirs.add(cast("RequestId", message.id))
            return Heard(exchange=self._newest(), message=body)
        if message.method == _PROGRESS:
            return Heard(exchange=self._progressing(message), message=body)
        return Heard(exchange=self._newest() if message.method == _LOG else None, message=body)

    def _progressing(self, message: Envelope) -> Exchange | None:
        token = _identity(message.params.get("progressToken"))
        exchange = self._tokens.get(token) if token is not None else None
        return exchange if exchange is not None and exchange.streams else None

    def _newest(self) -> Exchange | None:
        """The last request that is under way: what a server asks meanwhile nearly always is about it."""
        return next((one for one in reversed(self._asked.values()) if one.streams), None)


class SharedBoard(_Board):
    """The channel that the modern clients of one principal share: 2026-07-28."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        super().__init__(limits)
        self._last = 0

    def ask(self, reading: Reading, body: bytes, *, streams: bool) -> tuple[Exchange, list[bytes]]:
        """Take one request. A notification goes nowhere.

        The only one that a modern client has is `cancelled`, which over HTTP is the end of a stream; here it could name
        another client's request.
        """
        exchange = Exchange(streams=streams)
        item = reading.items[0]
        if item.id is None:
            return exchange, []
        (text,) = lines_of(body, batch=False)
        self._last += 1
        own, place = str(self._last), cast("Span", span(text, "id"))
        exchange.waiting[self._last] = text[slice(*place)]
        edits = [(place, own)]
        if _token(item) is not None and (token := span(text, "params", "_meta", "progressToken")):
            exchange.tokens[self._last] = text[slice(*token)]
            self._tokens[self._last] = exchange
            edits.append((token, own))
        exchange.subscribes = item.call.method == "subscriptions/listen"
        exchange.logs = _LOG_LEVEL in as_object(item.call.params.get("_meta"))
        self._asked[self._last] = exchange
        return exchange, [replaced(text, edits).encode()]

    def leave(self, exchange: Exchange) -> list[bytes]:
        """A modern client that is gone has cancelled (Cancellation, "Transport-Specific Cancellation")."""
        told = [
            {"jsonrpc": "2.0", "method": _CANCELLED, "params": {"requestId": identity, "reason": "nobody waits for it"}}
            for identity in exchange.waiting
        ]
        self._forget(exchange)
        return [encode(one) for one in told]

    def _placed(self, message: Envelope, text: str) -> Heard:
        if message.kind == "request":
            raise RemoteProtocolError("a request of the server, which the modern era does not have")
        if message.kind == "notification":
            return self._notification(message, text)
        exchange = self._answered(message)
        identity = cast("RequestId", message.id)
        edits = [(cast("Span", span(text, "id")), exchange.waiting[identity])]
        edits += self._subscription(text, "result", exchange)
        self._settled(exchange, identity)
        return Heard(exchange=exchange, message=replaced(text, edits).encode())

    def _notification(self, message: Envelope, text: str) -> Heard:
        exchange = self._belongs(message)
        edits = self._subscription(text, "params", exchange)
        if message.method == _PROGRESS and (place := span(text, "params", "progressToken")):
            edits.append((place, next(iter(exchange.tokens.values()))))
        if message.method == _CANCELLED and (place := span(text, "params", "requestId")):
            edits.append((place, next(iter(exchange.waiting.values()))))
            self._forget(exchange)  # so a server ends a subscription by itself
        return Heard(exchange=exchange, message=replaced(text, edits).encode())

    def _belongs(self, message: Envelope) -> Exchange:
        """The exchange of a notification. Raises RemoteProtocolError: one that belongs to no request goes to none."""
        token = _identity(message.params.get("progressToken"))
        subscription = _identity(as_object(message.params.get("_meta")).get(_SUBSCRIPTION))
        found: Sequence[Exchange | None] = ()
        if message.method == _PROGRESS:
            found = [self._tokens.get(token)] if token is not None else ()
        elif message.method == _CANCELLED:
            found = [self._asked.get(one) for one in [_identity(message.params.get("requestId"))] if one is not None]
            found = [one for one in found if one is not None and one.subscribes]
        elif subscription is not None:
            found = [one for one in [self._asked.get(subscription)] if one is not None and one.subscribes]
        elif message.method == _LOG:
            found = [one for one in self._asked.values() if one.logs]
        if len(found) == 1 and found[0] is not None and found[0].streams:
            return found[0]
        raise RemoteProtocolError("a notification that belongs to no request, or to more than one")

    @staticmethod
    def _subscription(text: str, part: str, exchange: Exchange) -> list[tuple[Span, str]]:
        """The client's own id where the server names the subscription by ours."""
        place = span(text, part, "_meta", _SUBSCRIPTION) if exchange.subscribes else None
        return [(place, next(iter(exchange.waiting.values())))] if place else []


def _token(item: Item) -> RequestId | None:
    return _identity(as_object(item.call.params.get("_meta")).get("progressToken"))


def _identity(value: Any) -> RequestId | None:
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
