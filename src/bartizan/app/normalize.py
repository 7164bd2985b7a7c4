"""`normalize`: the raw records of a source to OCSF events, offline and in order."""

import gzip
import zlib
from collections.abc import Iterator
from typing import IO, cast

from bartizan.detect.framing import Framed, Told
from bartizan.detect.parsers.registry import PARSERS, framer_of
from bartizan.model.errors import UsageError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings

KINDS = tuple(sorted(PARSERS))
_CHUNK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"


def normalize(
    source: IO[bytes], kind: str, settings: ParserSettings | None = None, *, whole: bool = True
) -> Iterator[SourceEvent | Unparsed]:
    """Events of a file or a pipe, plain or compressed with gzip, and what no parser understood, in order.

    Raises UsageError for a kind that does not exist.
    """
    if kind not in PARSERS:
        raise UsageError(f"no kind of source is called {kind!r}", remedy=f"one of {', '.join(KINDS)}")
    settings = settings or ParserSettings()
    parser = PARSERS[kind](settings)
    for one in _records(source, kind, settings.limits, whole=whole):
        if isinstance(one, Framed):
            yield from parser.feed(one.raw, one.at)
        else:
            yield one
    yield from parser.end()


def _records(source: IO[bytes], kind: str, limits: Limits = DEFAULT, *, whole: bool) -> Iterator[Told]:
    framer, at, trouble = framer_of(kind, limits, whole=whole), 0, ""
    chunks = _chunks(source)
    while not trouble:
        try:
            chunk = next(chunks, None)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            chunk, trouble = None, f"the gzip stream is broken here, what follows is not read: {error}"
        if chunk is None:
            break
        for one in framer.feed(chunk):
            at = one.at
            yield one
    for one in framer.end():
        at = one.at
        yield one
    if trouble:
        yield Unparsed(sha256="", at=at, reason=trouble)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    """The bytes, unpacked where they are gzip. An interrupted stream gives what it holds before it raises."""
    first = source.read(_CHUNK_BYTES)
    if not first.startswith(_GZIP):
        while first:
            yield first
            first = source.read(_CHUNK_BYTES)
        return
    with gzip.open(cast("IO[bytes]", _Again(first, source))) as unpacked:
        while chunk := unpacked.read1(_CHUNK_BYTES):
            yield chunk


class _Again:
    """A stream of which the beginning was read already: a pipe cannot be rewound."""

    def __init__(self, first: bytes, source: IO[bytes]) -> None:
        self._first, self._source = first, source

    def read(self, most: int = -1) -> bytes:
        if self._first:
            found, self._first = (self._first, b"") if most < 0 else (self._first[:most], self._first[most:])
            return found
        return self._source.read(most)
