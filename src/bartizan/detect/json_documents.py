"""JSON as logs hold it: a record a line, arrays of records, objects around such an array, on one line or on many."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bartizan.detect.framing import TOO_LONG, Framed, Lines, Told, unparsed
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import Unparsed


class JsonDocuments:
    """Records of JSON documents. `wrappers` are the names under which an object may hold the records of a document.

    With `whole` a document may take several lines, as in files that are read to their end. In what still grows each
    line is one document: otherwise a bracket that nobody closes would hold back what follows it.
    """

    def __init__(self, wrappers: Iterable[str] = (), limits: Limits = DEFAULT, *, whole: bool = False) -> None:
        self._limits, self._whole = limits, whole
        self._lines = Lines(limits.raw_document_bytes_max, "raw_document_bytes_max")
        self._wrappers = [(f'"{name}"'.encode(), _decoder_of(name)) for name in wrappers]
        self._held: list[Framed] = []
        self._depth = self._cost = 0

    def feed(self, chunk: bytes) -> Iterator[Told]:
        yield from self._of_lines(self._lines.feed(chunk))

    def end(self) -> Iterator[Told]:
        yield from self._of_lines(self._lines.end())
        yield from self._given_up()

    def _of_lines(self, lines: Iterable[Told]) -> Iterator[Told]:
        for line in lines:
            if isinstance(line, Unparsed):
                yield line
            elif self._whole and (self._held or _opens(line.raw)):
                yield from self._hold(line)
            else:
                yield from self._document(line.raw, line.at)

    def _hold(self, line: Framed) -> Iterator[Told]:
        self._held.append(line)
        self._depth += _depth(line.raw)
        self._cost += len(line.raw) + _LINE_COST
        if self._depth <= 0:
            held, self._held, self._depth, self._cost = self._held, [], 0, 0
            yield from self._document(b"\n".join(one.raw for one in held), held[0].at)
        elif self._cost > self._limits.raw_document_bytes_max:
            yield from self._given_up()

    def _given_up(self) -> Iterator[Told]:
        """A document that does not end is none: its lines are taken one by one, and so are all that follow."""
        held, self._held, self._depth, self._cost = self._held, [], 0, 0
        self._whole = self._whole and not held
        for line in held:
            yield from self._document(line.raw, line.at)

    def _document(self, raw: bytes, at: int) -> Iterator[Told]:
        raw = raw.strip()
        if raw.startswith(b"["):
            yield from self._records(raw, at, _ARRAY)
            return
        if raw in _OF_ARRAYS:
            return
        for mark, decoder in self._wrappers:
            if mark in raw:
                yield from self._records(raw, at, decoder)
                return
        yield self._bounded(raw.removesuffix(b","), at)

    def _records(self, raw: bytes, at: int, decoder: "msgspec.json.Decoder[Any]") -> Iterator[Told]:
        try:
            found = decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError, ValueError):
            found = None if raw != b"[" else list[msgspec.Raw]()
        records = found.records if isinstance(found, _Wrapper) else found
        if records is None:
            yield self._bounded(raw, at)
            return
        for one in records:
            yield self._bounded(bytes(one), at)

    def _bounded(self, raw: bytes, at: int) -> Told:
        return unparsed(raw, at, TOO_LONG) if len(raw) > self._limits.raw_record_bytes_max else Framed(raw, at)


class _Wrapper(msgspec.Struct):
    """An object that may hold records; each kind of it has another name for them."""

    records: list[msgspec.Raw] | None = None


def _decoder_of(name: str) -> "msgspec.json.Decoder[Any]":
    fields = [("records", list[msgspec.Raw] | None, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Wrapper", fields, bases=(_Wrapper,), rename={"records": name}))


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OF_ARRAYS = (b"]", b"],")  # the end of an array whose records lie one on a line
_LINE_COST = 100
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def _opens(raw: bytes) -> bool:
    """Whether a line begins a document and does not end it."""
    line = raw.strip()
    return line[:1] in {b"{", b"["} and line[-1:] in {b"{", b"[", b",", b":"} and _depth(line) > 0


def _depth(raw: bytes) -> int:
    """How many brackets of a line remain open. No string of JSON goes beyond its line."""
    depth = 0
    for match in _BRACKETS.finditer(raw):
        first = match[0]
        depth += (first in {b"{", b"["}) - (first in {b"}", b"]"})
    return depth
