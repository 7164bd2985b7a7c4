"""Whose fault it is, in the type. Elsewhere the built-in exceptions serve."""

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something stands: a line of a file, a field of a document, an address, a process.

    `line` and `column` count from 1, `pointer` is a JSON Pointer (RFC 6901) into the parsed document.
    """

    path: str = ""
    line: int | None = None
    column: int | None = None
    pointer: str = ""
    url: str = ""
    pid: int | None = None

    def __str__(self) -> str:
        where = self.path or self.url or (f"process {self.pid}" if self.pid is not None else "")
        if self.line is not None:
            where += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        return " at ".join(part for part in (where, self.pointer) if part)


def reason_of(error: Exception) -> str:
    """What went wrong in words, without the numbers of the system."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return told or type(error).__name__


class UsageError(Exception):
    """Wrong use or configuration by our own user: what, where, and how to mend it. Exit code 2."""

    def __init__(self, what: str, *, where: Place | None = None, remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n  To mend it: {self.remedy}" if self.remedy else "")


class ContentError(Exception):
    """Mistakes in rules, catalogues or other content files: all of them, each with its file and line."""

    def __init__(self, mistakes: list[tuple[Place, str]]) -> None:
        super().__init__("\n".join(f"{place}: {what}" for place, what in mistakes))
        self.mistakes = mistakes


class LocalProtocolError(Exception):
    """We broke the protocol: a defect of this program."""


class RemoteProtocolError(Exception):
    """The peer broke the protocol, or hit one of our limits. Says what it sent, never echoes it unbounded."""


class LimitExceededError(RemoteProtocolError):
    """The peer made us hit a named limit of `model/limits.py`."""

    def __init__(self, limit: str, most: float) -> None:
        super().__init__(f"limit {limit} ({most:g}) exceeded")
        self.limit, self.most = limit, most
