"""What a server answers, read before it goes on: the bytes are the server's, and none goes on that was not read."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Effect, Heard
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.json import JsonObject, as_array, as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.faults import Faults
from bartizan.protocol.framing import Events
from bartizan.protocol.jsonrpc import Envelope, RequestId, decode, encode, envelope
from bartizan.protocol.relay.editing import edited, with_front
from bartizan.protocol.relay.mirrored import InvalidMirrorError, mirrors
from bartizan.protocol.relay.reading import Item, Reading
from bartizan.protocol.relay.refusals import denial_message
from bartizan.protocol.relay.rewriting import cut, elements
from bartizan.protocol.relay.rounds import check_result

Visible = Callable[[Call, list[Any]], Sequence[bool] | None]
"""Which definitions of a list a principal may see; None where nothing restricts it."""
Hear = Callable[[Call, JsonObject], Heard | None]
"""What is decided of a message of the server; None where nobody listens."""

EventId = Callable[[str], str]
"""The id that an event has for the client, by the server's own."""


class Answered:
    """The answers to one request. `faults` says what was not passed on, and why; `ids` what is still unanswered.

    A stream that was opened by GET may bring the answer to any earlier request, when it resumes another stream.
    """

    def __init__(
        self,
        reading: Reading,
        visible: Visible,
        limits: Limits = DEFAULT,
        hear: Hear | None = None,
        event_id: EventId | None = None,
    ) -> None:
        self._reading, self._visible, self._limits, self._hear = reading, visible, limits, hear
        self._event_id = event_id
        self._items: Mapping[RequestId, Item] = {item.id: item for item in reading.items if item.id is not None}
        self.ids = set(self._items)
        self.faults = Faults(limits.faults_max)
        self._stream: tuple[RawEvents, Events] | None = None

    def whole(self, body: bytes) -> bytes:
        """An answer as one JSON text. Raises RemoteProtocolError for one that is not an answer to the request."""
        value = decode(body, self._limits)
        if not isinstance(value, list):
            return self._message(body, value, streamed=False)
        if not self._reading.batch:
            raise RemoteProtocolError("a batch as the answer to a request")
        return self._batch(body.decode(), cast("list[Any]", value), streamed=False).encode()

    def feed(self, data: bytes) -> list[bytes]:
        """A piece of an event stream; gives the events that may go on, each whole and as it came."""
        if self._stream is None:
            self._stream = RawEvents(self._limits), Events(self._limits)
        events, parser = self._stream
        passed = [one for raw in events.feed(data) if (one := self._event(raw, parser))]
        named = self._event_id
        return passed if named is None else [with_ids(one, named) for one in passed]

    def _event(self, raw: bytes, parser: Events) -> bytes:
        parsed = parser.feed(raw)
        if not parsed:
            return raw  # a comment, or an event without data: a keep-alive, or a first id to resume from
        event = parsed[0]
        if not event.data:
            return raw
        try:
            value = decode(event.data, self._limits)
            if isinstance(value, list):
                new = self._batch(event.data.decode(), cast("list[Any]", value), streamed=True).encode()
            else:
                new = self._message(event.data, value, streamed=True)
        except RemoteProtocolError as error:
            if isinstance(error, LimitExceededError):
                raise
            self.faults.note(str(error)[:100])
            return b""
        if new is event.data:
            return raw
        return with_data(raw, new) if new else b""

    def _message(self, body: bytes, value: Any, *, streamed: bool) -> bytes:
        message = envelope(value)
        self._check(message, streamed=streamed)
        item = self._items.get(message.id) if message.id is not None and message.kind == "result" else None
        keep = self._keep(item, message)
        heard = self._hear(self._call(message), cast("JsonObject", value)) if self._hear else None
        if heard is not None and heard.decision is not ALLOWED:
            body = self._judged(heard, body, message)
        if not body or item is None or item.method is None or keep is None or _refused(heard):
            return body
        return cut(body.decode(), item.method.key, keep).encode()

    def _call(self, message: Envelope) -> Call:
        """The call that a message belongs to."""
        item = self._items.get(message.id) if message.id is not None else None
        return (item or self._reading.items[0]).call

    def _judged(self, heard: Heard, body: bytes, message: Envelope) -> bytes:
        """The message as the guards leave it: rewritten, with a note, or an error in its stead."""
        if _refused(heard):
            self.faults.note(f"refused by {heard.decision.guard}: a {message.kind}")
            if message.kind in {"request", "notification"} or message.id is None:
                return b""
            return encode(denial_message(self._call(message), message.id, heard.decision))
        text = body.decode()
        if heard.edits:
            text = edited(text, heard.edits)
            decode(text.encode(), self._limits)  # two keys that became one would be read in two ways
        if heard.notes and message.kind == "result" and isinstance(as_object(message.result).get("content"), list):
            for note in reversed(heard.notes):
                text = with_front(text, ("result", "content"), {"type": "text", "text": note})
        return text.encode()

    def _batch(self, text: str, values: Sequence[Any], *, streamed: bool) -> str:
        """Each message of a batch as alone; what stands between them stays too."""
        parts: list[str] = []
        end = 0
        for span, value in zip(elements(text), values, strict=True):
            passed = self._message(text[slice(*span)].encode(), value, streamed=streamed)
            if not passed:
                raise RemoteProtocolError("a batch that holds what was refused")
            parts += (text[end : span[0]], passed.decode())
            end = span[1]
        return "".join([*parts, text[end:]])

    def _check(self, message: Envelope, *, streamed: bool) -> None:
        """Raises RemoteProtocolError for a message that this request's answer cannot hold."""
        if message.kind in {"request", "notification"}:
            if not streamed:
                raise RemoteProtocolError(f"a {message.kind} as the answer to a request")
            if message.kind == "request" and self._reading.era is Era.MODERN:
                raise RemoteProtocolError("a request of the server, which the modern era does not have")
            return
        if message.id is None or message.id in self.ids:
            if message.kind == "result" and self._reading.era is Era.MODERN:
                check_result(self._call(message), as_object(message.result))  # what fails stays unanswered
            self.ids.discard(message.id)  # pyright: ignore[reportArgumentType] - None is no member
        elif self._reading.http_method != "GET":
            raise RemoteProtocolError("an answer to another request")

    def _keep(self, item: Item | None, message: Envelope) -> Sequence[bool] | None:
        if item is None or item.method is None or item.method.verb is not Verb.LIST:
            return None
        definitions: list[Any] = as_array(as_object(message.result).get(item.method.key))
        shown = self._visible(item.call, definitions)
        if item.call.method != "tools/list" or item.call.era is not Era.MODERN:
            return shown
        valid = [self._valid(one) for one in definitions]
        return shown if all(valid) else [a and b for a, b in zip(shown or valid, valid, strict=True)]

    def _valid(self, definition: Any) -> bool:
        """A tool with an annotation that no client may follow is left out, and the others stay."""
        try:
            mirrors(definition)
        except InvalidMirrorError as error:
            self.faults.note(f"a tool that was left out, for its x-mcp-header: {error}"[:200])
            return False
        return True


# A line end after a line end. A CR at the end of the data may be half of CR LF: then the LF begins the next event.
_EVENT_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r(?!\n)|\n)")


def _refused(heard: Heard | None) -> bool:
    """Whether the message does not go on."""
    return heard is not None and heard.decision.effect is Effect.DENY


class RawEvents:
    """An event stream cut into events, each with the blank line that ends it; nothing is changed."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._most = limits.sse_event_bytes_max
        self._held = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Give the events that `data` completes. Raises LimitExceededError for one that is too long."""
        self._held += data
        events: list[bytes] = []
        begin = 0
        for match in _EVENT_END.finditer(self._held, self._searched):
            events.append(bytes(self._held[begin : match.end()]))
            begin = match.end()
        del self._held[:begin]
        self._searched = max(0, len(self._held) - 3)
        if len(self._held) > self._most:
            self._held.clear()
            raise LimitExceededError("sse_event_bytes_max", self._most)
        return events


def with_data(raw: bytes, data: bytes) -> bytes:
    """The event with other data; its name, id and retry stay."""
    kept = [line for line in re.split(rb"\r\n|\r|\n", raw) if line and not line.startswith(b"data")]
    lines = [b"data: " + line for line in data.split(b"\n")]
    return b"\n".join([*kept, *lines]) + b"\n\n"


_ID_LINE = re.compile(rb"(?:^|(?<=[\r\n]))id: ?([^\r\n]+)")


def with_ids(raw: bytes, event_id: EventId) -> bytes:
    """The event with other ids; every other byte of it stays. One that is no UTF-8 is no id that can come back."""
    if b"id:" not in raw:
        return raw
    return _ID_LINE.sub(lambda found: b"id: " + event_id(found[1].decode("utf-8", "replace")).encode(), raw)


def message_event(message: bytes) -> bytes:
    """A message of the gateway's own as an event."""
    return b"event: message\ndata: " + message + b"\n\n"
