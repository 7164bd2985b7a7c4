"""What comes in, counted and read: a server may say much, and any of it in a way that no reader should trust."""

from collections.abc import Sequence
from typing import Any, cast

from bartizan.model.errors import LimitExceededError
from bartizan.model.limits import Limits
from bartizan.protocol.jsonrpc import Envelope, decode, envelope

_MESSAGE_MAX = 200  # characters


class Incoming:
    """The messages of one session."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages = self._bytes = 0

    def count(self, body: bytes) -> None:
        """Count a message. Raises LimitExceededError when it is one too many: the session is over."""
        self._messages += 1
        self._bytes += len(body)
        if self._messages > self._limits.messages_max:
            raise LimitExceededError("messages_max", self._limits.messages_max)
        if self._bytes > self._limits.probe_bytes_max:
            raise LimitExceededError("probe_bytes_max", self._limits.probe_bytes_max)

    def read(self, body: bytes, *, batches: bool) -> Sequence[Envelope]:
        """Read one message, or a batch where the revision has them. Raises RemoteProtocolError for this message."""
        value = decode(body, self._limits)
        if not (batches and isinstance(value, list)):
            return (envelope(value),)
        items = cast("list[Any]", value)
        if len(items) > self._limits.messages_max:
            raise LimitExceededError("messages_max", self._limits.messages_max)
        return [envelope(item) for item in items]


def says(error: dict[str, Any]) -> str:
    """A server's error in a few of its own words: hostile, so bounded here and made visible where it is printed."""
    code, message = error.get("code"), error.get("message")
    if isinstance(code, bool) or not isinstance(code, int) or not code or abs(code) >= 10**9:
        return ""
    return f" {code}: {_begun(message)}" if isinstance(message, str) and message else f" {code}"


def _begun(message: str) -> str:
    """The beginning, up to a blank: half a secret would not be known for one."""
    return message if len(message) <= _MESSAGE_MAX else f"{message[:_MESSAGE_MAX].rpartition(' ')[0]} …"
