"""The records of one event of the Linux audit system, which lie on lines of their own, between those of others."""

import re
from collections.abc import Iterable, Iterator

from bartizan.detect.framing import TOO_LONG, Framed, Lines, Told, unparsed
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import Unparsed

HEAD = re.compile(rb"(?:node=(\S{1,256}) )?type=(\S{1,64}) msg=audit\((\d{1,12})\.(\d{1,9}):(\d{1,20})\):")


class AuditGroups:
    """Lines with one stamp and serial number, together.

    A group ends with `EOE` or `PROCTITLE`, or when events came that are `audit_group_seconds_max` later and more than
    `audit_group_lines_between_max` lines since its last one, or when more than `audit_groups_max` wait.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._lines = Lines(limits.raw_record_bytes_max)
        self._groups: dict[bytes, _Group] = {}

    def feed(self, chunk: bytes) -> Iterator[Told]:
        yield from self._of_lines(self._lines.feed(chunk))

    def end(self) -> Iterator[Told]:
        yield from self._of_lines(self._lines.end())
        yield from self._first(len(self._groups))

    def _of_lines(self, lines: Iterable[Told]) -> Iterator[Told]:
        for line in lines:
            head = None if isinstance(line, Unparsed) else HEAD.match(line.raw)
            if isinstance(line, Unparsed) or head is None or b" msg='" in line.raw:
                yield line
            else:
                yield from self._grouped(line, head)

    def _grouped(self, line: Framed, head: re.Match[bytes]) -> Iterator[Told]:
        key = line.raw[: head.end()].replace(b"type=" + head[2], b"")
        second = int(head[3])
        group = self._groups.setdefault(key, _Group(second, line.at))
        group.lines.append(line.raw)
        group.bytes += len(line.raw)
        group.last = line.at
        if group.bytes > self._limits.raw_record_bytes_max:
            del self._groups[key]
            yield unparsed(b"\n".join(group.lines), group.at, TOO_LONG)
        elif head[2] in _LAST:
            del self._groups[key]
            yield Framed(b"\n".join(group.lines), group.at)
        yield from self._first(len(self._groups) - self._limits.audit_groups_max)
        yield from self._first(self._older(second, line.at))

    def _older(self, second: int, at: int) -> int:
        """How many of the groups that came first are so old that nothing can be missing of them."""
        count = 0
        for group in self._groups.values():
            recent = group.second + self._limits.audit_group_seconds_max >= second
            if recent or group.last + self._limits.audit_group_lines_between_max >= at:
                break
            count += 1
        return count

    def _first(self, count: int) -> Iterator[Told]:
        for key in list(self._groups)[: max(0, count)]:
            group = self._groups.pop(key)
            yield Framed(b"\n".join(group.lines), group.at)


_LAST = {b"EOE", b"PROCTITLE"}


class _Group:
    __slots__ = ("at", "bytes", "last", "lines", "second")

    def __init__(self, second: int, at: int) -> None:
        self.second, self.at, self.last, self.bytes = second, at, at, 0
        self.lines: list[bytes] = []
