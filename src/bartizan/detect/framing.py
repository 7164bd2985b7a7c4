"""From bytes of a source to its raw records: lines, and blocks of lines. Bounded, whatever the bytes are.

A framer takes chunks as they come, cut anywhere. What it must pass over it tells as Unparsed.
"""

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from bartizan.detect import redaction
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import Unparsed


class Framing(StrEnum):
    """How the records of a kind lie in a file."""

    LINES = "lines"
    JSON = "json"
    LDIF = "ldif"
    AUDITD = "auditd"
    POSTGRES = "postgres"


class Framed(msgspec.Struct, frozen=True):
    """One raw record, and the line on which it begins, counted from 1."""

    raw: bytes
    at: int


Told = Framed | Unparsed


class Framer(Protocol):
    """Cuts the bytes of one source into records."""

    def feed(self, chunk: bytes) -> Iterable[Told]:
        """Take the next bytes; the records that they complete."""
        ...

    def end(self) -> Iterable[Told]:
        """Tell that nothing follows; the last record, if its end was not told."""
        ...


class Lines:
    """Lines that hold something, without their ends. A longer one than `most` is passed over and told.

    A byte order mark is none of the text; UTF-16 after its mark is read as such. NUL bytes before a line, as a log has
    that was truncated while somebody wrote to it, are told and do not hide the line.
    """

    def __init__(self, most: int, named: str = "raw_record_bytes_max") -> None:
        self._most, self._named = most, named
        self._rest = b""
        self._at = 0
        self._nuls = 0
        self._decode: Callable[[bytes], bytes] | None = None
        self._long: _Long | None = None

    def feed(self, chunk: bytes) -> Iterator[Told]:
        if not chunk:
            return
        if self._decode is None:
            chunk, self._rest = self._rest + chunk, b""
            if len(chunk) < 3 and any(mark.startswith(chunk) for mark in _MARKS):
                self._rest = chunk
                return
            self._decode, chunk = _decoder(chunk)
        yield from self._cut(self._decode(chunk))

    def end(self) -> Iterator[Told]:
        if self._decode is None:
            self._decode, self._rest = _decoder(self._rest)
        yield from self._cut(self._decode(b""))
        if self._long:
            self._at += 1
            yield self._long.told(self._at)
            self._long = None
        elif self._rest or self._nuls:
            yield from self._line(self._rest)
            self._rest = b""

    def _cut(self, chunk: bytes) -> Iterator[Told]:
        if self._long:
            body, end, chunk = chunk.partition(b"\n")
            self._long.take(body)
            if not end:
                return
            self._at += 1
            yield self._long.told(self._at)
            self._long = None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._line(line)
        if len(self._rest) > self._most and self._rest.startswith(b"\0"):
            found = self._rest.lstrip(b"\0")
            self._nuls, self._rest = self._nuls + len(self._rest) - len(found), found
        if len(self._rest) > self._most:
            self._long, self._rest = _Long(self._rest, self._reason), b""

    def _line(self, line: bytes) -> Iterator[Told]:
        self._at += 1
        if self._nuls or line.startswith(b"\0"):
            found = line.lstrip(b"\0")
            nuls, self._nuls = self._nuls + len(line) - len(found), 0
            yield unparsed(b"", self._at, f"{nuls} NUL bytes where a line should begin")
            line = found
        if len(line) > self._most:
            yield unparsed(line, self._at, self._reason)
        elif line and not line.isspace():
            yield Framed(line.rstrip(b"\r"), self._at)

    @property
    def _reason(self) -> str:
        return f"longer than {self._named} ({self._most})"


TOO_LONG = "longer than raw_record_bytes_max"
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _decoder(chunk: bytes) -> tuple[Callable[[bytes], bytes], bytes]:
    """What makes UTF-8 of what follows, by the mark at the beginning, and the bytes after the mark."""
    for mark, name in zip(_MARKS[1:], ("utf-16-le", "utf-16-be"), strict=True):
        if chunk.startswith(mark):
            decode = codecs.getincrementaldecoder(name)(errors="replace").decode
            return lambda more, decode=decode: decode(more, not more).encode(errors="replace"), chunk[len(mark) :]
    return lambda more: more, chunk.removeprefix(codecs.BOM_UTF8)


class _Long:
    """A line that is too long, while the rest of it is passed over."""

    def __init__(self, begin: bytes, reason: str) -> None:
        self._begin, self._reason = begin[:_SHOWN_BYTES], reason
        self._digest = hashlib.sha256(begin)
        self._bytes = len(begin)

    def take(self, more: bytes) -> None:
        self._digest.update(more)
        self._bytes += len(more)

    def told(self, at: int) -> Unparsed:
        reason = f"{self._bytes} bytes: {self._reason}"
        return Unparsed(sha256=self._digest.hexdigest(), at=at, reason=reason, begin=shown(self._begin))


_SHOWN, _SHOWN_BYTES = 120, 480


def shown(raw: bytes) -> str:
    """How a raw record begins, without secrets."""
    return redaction.text(raw[:_SHOWN_BYTES].decode(errors="replace"))[:_SHOWN]


def unparsed(raw: bytes, at: int, reason: str) -> Unparsed:
    """A raw record that nobody understood, and why."""
    return Unparsed(sha256=hashlib.sha256(raw).hexdigest(), at=at, reason=reason, begin=shown(raw))


class Blocks:
    """Records of several lines, between empty ones (LDIF, RFC 2849)."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._lines = _AllLines(limits.raw_record_bytes_max)
        self._block: list[bytes] = []
        self._begun, self._bytes = 0, 0

    def feed(self, chunk: bytes) -> Iterator[Told]:
        yield from self._of_lines(self._lines.feed(chunk))

    def end(self) -> Iterator[Told]:
        yield from self._of_lines(self._lines.end())
        yield from self._whole()

    def _of_lines(self, lines: Iterable[Told]) -> Iterator[Told]:
        for line in lines:
            if isinstance(line, Unparsed):
                yield line
            elif not line.raw.strip():
                yield from self._whole()
            else:
                self._begun = self._begun or line.at
                self._bytes += len(line.raw) + 1
                self._block.append(line.raw)
                if self._bytes > self._limits.raw_record_bytes_max:
                    yield unparsed(b"\n".join(self._block), self._begun, TOO_LONG)
                    self._block, self._begun, self._bytes = [], 0, 0

    def _whole(self) -> Iterator[Told]:
        if self._block:
            yield Framed(b"\n".join(self._block), self._begun)
        self._block, self._begun, self._bytes = [], 0, 0


class _AllLines(Lines):
    """Lines, the empty ones too."""

    def _line(self, line: bytes) -> Iterator[Told]:
        if not line or line.isspace():
            self._at += 1
            yield Framed(b"", self._at)
        else:
            yield from super()._line(line)
