"""Who speaks with whom: processes joined by two pipes or by a unix socket, as a client is with a stdio server."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from bartizan.model.limits import DEFAULT
from bartizan.model.record import ProcessRecord


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A way in and a way out between a process and `holder`. `ends` are the inodes of the process's own ends."""

    holder: ProcessRecord
    rule: Literal["pipes", "unix_socket"]
    ends: frozenset[int]


class ProcessTable:
    """The records, by number, by parent and by channel."""

    def __init__(self, records: Sequence[ProcessRecord]) -> None:
        self.by_pid = {record.pid: record for record in records}
        self._children: defaultdict[int, list[ProcessRecord]] = defaultdict(list)
        self._writers: defaultdict[int, list[ProcessRecord]] = defaultdict(list)
        for record in sorted(records, key=lambda record: record.pid):
            self._children[record.parent_pid].append(record)
            for inode in record.pipes_written - record.pipes_read:
                self._writers[inode].append(record)
        self.channels = {record.pid: channel for record in records if (channel := self._channel(record)) is not None}

    def ancestors(self, record: ProcessRecord) -> Iterator[ProcessRecord]:
        """Parent, its parent and so on, bounded. A number that was given away anew is no ancestor."""
        for _ in range(DEFAULT.process_ancestors_max):
            parent = self.by_pid.get(record.parent_pid)
            if parent is None or parent.pid == record.pid or parent.started > record.started:
                return
            yield parent
            record = parent

    def children(self, record: ProcessRecord) -> list[ProcessRecord]:
        """The processes that it started, in order."""
        return [child for child in self._children[record.pid] if child.pid != record.pid]

    def share(self, one: ProcessRecord, other: ProcessRecord) -> bool:
        """Whether both hold the same end of the same channel, as a runner and the server that it started do."""
        mine, its = self.channels.get(one.pid), self.channels.get(other.pid)
        return bool(mine and its and mine.holder.pid == its.holder.pid and mine.ends & its.ends)

    def _channel(self, record: ProcessRecord) -> Channel | None:
        """The nearest ancestor's; for a process whose runner has ended, that of whoever holds the other ends."""
        for ancestor in self.ancestors(record):
            if (ends := _piped(record, ancestor)) is not None:
                return Channel(holder=ancestor, rule="pipes", ends=ends)
            if ends := _connected(record, ancestor):
                return Channel(holder=ancestor, rule="unix_socket", ends=ends)
        return self._orphaned(record) if record.parent_pid <= 1 else None

    def _orphaned(self, record: ProcessRecord) -> Channel | None:
        for inode in sorted(record.pipes_read - record.pipes_written):
            for other in self._writers[inode][: DEFAULT.process_ancestors_max]:
                ends = _piped(record, other)
                if ends is not None and other.pid != record.pid and other.started <= record.started:
                    return Channel(holder=other, rule="pipes", ends=ends)
        return None


def _piped(record: ProcessRecord, other: ProcessRecord) -> frozenset[int] | None:
    """The pipes between two processes, one each way. Who holds both ends of a pipe (after a fork) holds none."""
    both = (record.pipes_read & record.pipes_written) | (other.pipes_read & other.pipes_written)
    into = (record.pipes_read & other.pipes_written) - both
    out = (record.pipes_written & other.pipes_read) - both
    return into | out if into and out else None


def _connected(record: ProcessRecord, other: ProcessRecord) -> frozenset[int]:
    """The sockets of `other` that the sockets of `record` are joined to, without those that both hold."""
    if other.pid == 1 or not record.socket_peers:
        return frozenset()  # the first process starts services and holds their journal sockets
    return (record.socket_peers & other.sockets) - record.sockets
