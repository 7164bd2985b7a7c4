"""Bytes to messages: lines on a pipe, and server-sent events. Bounded, and linear in what comes in."""

import re

import msgspec

from bartizan.model.errors import LimitExceededError
from bartizan.model.limits import DEFAULT, Limits

# Runs of blank lines are taken as one, so that a flood of them costs no more than any other bytes.
_BLANK_LINES = re.compile(rb"\n[\r\n]*\n")
_BLANK_EVENT_LINES = re.compile(rb"[\r\n]{3,}")


class Lines:
    """Newline framing, as MCP's stdio transport has it. Blank lines are no messages."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._most = limits.message_bytes_max
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Give the messages that `data` completes. Raises LimitExceededError for a line that is too long."""
        *whole, rest = _BLANK_LINES.sub(b"\n", data).split(b"\n")
        messages: list[bytes] = []
        for piece in whole:
            self._hold(piece)
            if line := b"".join(self._parts).strip(b" \t\r"):
                messages.append(line)
            self._parts, self._held = [], 0
        self._hold(rest)
        return messages

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._most:
            self._parts = []
            raise LimitExceededError("message_bytes_max", self._most)
        if piece:
            self._parts.append(piece)

    @property
    def unfinished(self) -> int:
        """How many bytes wait for their newline."""
        return self._held


class ServerSentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `data` stays bytes: what reads it judges its encoding."""

    event: str = "message"
    data: bytes = b""
    id: str = ""


_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class Events:
    """Server-sent events, by the rules of the HTML standard, section 9.2.6: CR, LF and CRLF end a line.

    An event whose blank line never came is none. `retry_milliseconds` is what the server last asked for.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._most = limits.sse_event_bytes_max
        self._parts: list[bytes] = []
        self._held = 0
        self._after_return = False
        self._begun = False
        self._event = ""
        self._data: list[bytes] = []
        self._id = ""
        self.retry_milliseconds: int | None = None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Give the events that `data` completes. Raises LimitExceededError for one that is too large."""
        if not data:
            return []
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        *whole, rest = _LINE_END.split(_BLANK_EVENT_LINES.sub(b"\n\n", data))
        events: list[ServerSentEvent] = []
        for piece in whole:
            self._hold(piece)
            line, self._parts = b"".join(self._parts), []
            if (event := self._line(line)) is not None:
                events.append(event)
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        """Count what is kept: the line that is not whole, and the data of the event that is not whole."""
        self._held += len(piece)
        if self._held > self._most:
            self._parts, self._data = [], []
            raise LimitExceededError("sse_event_bytes_max", self._most)
        if piece:
            self._parts.append(piece)

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._held += 1  # so that a flood of empty data lines is bounded too
        else:
            self._held -= len(line)
            self._field(name, value)
        return None

    def _field(self, name: bytes, value: bytes) -> None:
        if name == b"event":
            self._event = value.decode("utf-8", "replace")[:100]
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")[:1000]
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_milliseconds = int(value)

    def _dispatch(self) -> ServerSentEvent | None:
        data, event = self._data, self._event
        self._data, self._event, self._held = [], "", 0
        if not data:
            return None
        return ServerSentEvent(event=event or "message", data=b"\n".join(data), id=self._id)
