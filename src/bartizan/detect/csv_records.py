"""PostgreSQL's log files: JSON lines, and CSV whose quoted values may hold line ends."""

from collections.abc import Iterable, Iterator

from bartizan.detect.framing import Framed, Lines, Told
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import Unparsed


class CsvRecords:
    """Records of CSV (RFC 4180), or lines of JSON. A record that is too long gives its lines one by one."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._lines = _EveryLine(limits.raw_record_bytes_max)
        self._held: list[Framed] = []
        self._bytes = 0
        self._open = False

    def feed(self, chunk: bytes) -> Iterator[Told]:
        yield from self._of_lines(self._lines.feed(chunk))

    def end(self) -> Iterator[Told]:
        yield from self._of_lines(self._lines.end())
        yield from self._given_up()

    def _of_lines(self, lines: Iterable[Told]) -> Iterator[Told]:
        for line in lines:
            if isinstance(line, Unparsed):
                yield line
            elif not self._held and (not line.raw.strip() or line.raw.startswith(b"{")):
                yield from (line,) if line.raw.strip() else ()
            else:
                yield from self._hold(line)

    def _hold(self, line: Framed) -> Iterator[Told]:
        self._held.append(line)
        self._bytes += len(line.raw) + 1
        self._open ^= line.raw.count(b'"') % 2 == 1
        if not self._open:
            held, self._held, self._bytes = self._held, [], 0
            yield Framed(b"\n".join(one.raw for one in held), held[0].at)
        elif self._bytes > self._limits.raw_record_bytes_max:
            yield from self._given_up()

    def _given_up(self) -> Iterator[Told]:
        held, self._held, self._bytes, self._open = self._held, [], 0, False
        yield from (one for one in held if one.raw.strip())


class _EveryLine(Lines):
    """Lines, the empty ones too: within a quoted value they count."""

    def _line(self, line: bytes) -> Iterator[Told]:
        if not line or line.isspace():
            self._at += 1
            yield Framed(line.rstrip(b"\r"), self._at)
        else:
            yield from super()._line(line)
