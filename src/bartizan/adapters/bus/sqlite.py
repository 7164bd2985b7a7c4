"""The journal: events in one SQLite file, committed when accepted, chained by hash, bounded."""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bartizan.adapters.bus.chain import START, Checkpoint, Kind, is_signed, linked, signed
from bartizan.model.event import Event
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.ports import BusError, Kept, Portion, Verified

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
  sequence INTEGER PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints (
  sequence INTEGER NOT NULL, kind TEXT NOT NULL, hash BLOB NOT NULL, at TEXT NOT NULL, mac BLOB NOT NULL,
  PRIMARY KEY (sequence, kind));
"""
_VERSION = 1
_ROWS = 500
_Event = msgspec.json.Decoder(Event)
_Link = tuple[int, bytes]


class Journal:
    """The events of one deployment. Several processes may write; SQLite's lock puts them in one order.

    A commit reaches the system's memory: it outlives a crash of any process. With `power_safe` it reaches the disk as
    well and outlives a loss of power, at the price of one disk flush for each commit.
    """

    def __init__(
        self,
        path: Path,
        key: Secret,
        now: Callable[[], datetime],
        *,
        power_safe: bool = False,
        limits: Limits = DEFAULT,
    ) -> None:
        self._path, self._key, self._now, self._limits = path, key, now, limits
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder()
        self._signed = now()
        with self._told():
            self._file = _opened(path, limits, power_safe=power_safe)

    def accept(self, *events: Event) -> int:
        """Commit events, all or none; the number of the last one. Raises BusError, also for an event too large."""
        bodies = [(event.time.timestamp(), self._body(event)) for event in events]
        with self._writing():
            head = self._head()
            if not bodies:
                return head[0]
            rows: list[tuple[int, float, bytes, bytes]] = []
            sequence, before = head
            for at, body in bodies:
                sequence, before = sequence + 1, linked(before, sequence + 1, body)
                rows.append((sequence, at, body, before))
            self._file.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            every, age = self._limits.bus_signed_events, self._now() - self._signed
            if sequence // every > head[0] // every or age.total_seconds() > self._limits.bus_signed_seconds_max:
                self._sign("open", (sequence, before))
                self._drop_old((sequence, before))
        return sequence

    def read(self, after: int, most: int) -> Portion:
        """Up to `most` events with numbers above `after`, at most `bus_read_events_max`. Raises BusError."""
        most = min(most, self._limits.bus_read_events_max)
        query = "SELECT sequence, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
        with self._told(), self._lock:
            rows = self._file.execute(query, (after, most)).fetchall()
        try:
            events = tuple(Kept(sequence=number, event=_Event.decode(body)) for number, body in rows)
        except (msgspec.MsgspecError, TypeError, UnicodeDecodeError):
            raise BusError(f"{self._path}: an event is not as it was accepted; run `bartizan doctor`") from None
        return Portion(events=events, lost=max(0, rows[0][0] - after - 1) if rows else 0)

    def sign(self) -> None:
        """Sign what was accepted till now. Raises BusError."""
        with self._writing():
            head = self._head()
            if head[0]:
                self._sign("open", head)

    def verify(self) -> Verified:
        """Walk the whole chain and check every signature. Raises BusError for a file that cannot be read.

        It reads through a connection of its own, so that nobody waits for it.
        """
        with self._told():
            file = _connected(self._path, read_only=True)
            try:
                file.execute("BEGIN")
                return _verified(file, self._key, self._limits.bus_signed_events)
            finally:
                file.close()

    def close(self) -> None:
        """Sign the end and release the file. What cannot be signed any more stays as it is."""
        try:
            self.sign()
        except BusError:
            pass  # the events are committed; the next signature covers them
        finally:
            with self._lock:
                self._file.close()

    def _body(self, event: Event) -> bytes:
        try:
            body = self._encoder.encode(event)
        except (TypeError, ValueError) as error:  # a Secret among its fields, which never stands on a bus
            raise BusError(f"an event that cannot be written: {error}") from None
        if len(body) > self._limits.bus_event_bytes_max:
            raise BusError(f"an event larger than bus_event_bytes_max ({self._limits.bus_event_bytes_max})")
        return body

    def _head(self) -> _Link:
        row = self._file.execute("SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
        if row is None:  # nothing yet, or all of it was dropped
            row = self._file.execute("SELECT sequence, hash FROM checkpoints ORDER BY sequence DESC LIMIT 1").fetchone()
        return (row[0], bytes(row[1])) if row else (0, START)

    def _sign(self, kind: Kind, link: _Link) -> None:
        self._signed = self._now()
        at = self._signed.isoformat(timespec="milliseconds")
        one = signed(Checkpoint(sequence=link[0], kind=kind, hash=link[1], at=at), self._key)
        row = (one.sequence, one.kind, one.hash, one.at, one.mac)
        self._file.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)

    def _drop_old(self, head: _Link) -> None:
        """Drop what is beyond the limits, up to a signed place, and sign the cut."""
        oldest = (self._now() - timedelta(days=self._limits.bus_days_max)).timestamp()
        young = self._file.execute("SELECT min(sequence) FROM events WHERE at >= ?", (oldest,)).fetchone()[0]
        to = max((young or head[0]) - 1, head[0] - self._limits.bus_events_max)
        query = "SELECT sequence, hash FROM checkpoints WHERE kind = 'open' AND sequence <= ? ORDER BY sequence DESC"
        row = self._file.execute(query + " LIMIT 1", (to,)).fetchone()
        if row is None or not self._file.execute("SELECT 1 FROM events WHERE sequence <= ?", (row[0],)).fetchone():
            return
        self._sign("cut", (row[0], bytes(row[1])))
        self._file.execute("DELETE FROM events WHERE sequence <= ?", (row[0],))
        self._file.execute("DELETE FROM checkpoints WHERE sequence < ?", (row[0],))

    @contextmanager
    def _writing(self) -> Generator[None]:
        """One transaction, all or nothing."""
        with self._told(), self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BusError(f"{self._path}: {error}") from None
        except OSError as error:
            raise BusError(f"{self._path}: {error.strerror or 'cannot be opened'}") from None


def _opened(path: Path, limits: Limits, *, power_safe: bool) -> sqlite3.Connection:
    _make_private(path)
    file = _connected(path, wait_seconds=limits.bus_wait_seconds_max)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute(f"PRAGMA synchronous = {'FULL' if power_safe else 'NORMAL'}")
        _prepare(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _prepare(file: sqlite3.Connection, path: Path) -> None:
    version = file.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise BusError(f"{path}: written by a later release")
    if version < _VERSION:
        file.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {_VERSION}")
        file.execute("COMMIT")


def _connected(path: Path, *, read_only: bool = False, wait_seconds: float = 5.0) -> sqlite3.Connection:
    where = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    return sqlite3.connect(where, uri=True, timeout=wait_seconds, isolation_level=None, check_same_thread=False)


def _make_private(path: Path) -> None:
    """Make the file for its owner alone; SQLite gives its companions the same mode. Raises OSError, BusError."""
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # one that is there is not opened here: closing it drops locks
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))
    told = path.lstat()
    if not stat.S_ISREG(told.st_mode):
        raise BusError(f"{path}: not a regular file")
    if os.name == "posix" and told.st_mode & 0o077:
        raise BusError(f"{path}: others may read it (mode {stat.S_IMODE(told.st_mode):o}): chmod 600")


def _verified(file: sqlite3.Connection, key: Secret, every: int) -> Verified:
    """Walk the chain. A signature stands at least behind each `every` events, so more without one were taken out."""
    marks: dict[int, list[Checkpoint]] = {}
    for row in file.execute("SELECT sequence, kind, hash, at, mac FROM checkpoints ORDER BY sequence"):
        mark = _checkpoint(row)
        if mark is None or not is_signed(mark, key):
            return Verified(broken=f"the signature at event {row[0]} is not ours")
        marks.setdefault(mark.sequence, []).append(mark)
    cuts = [mark for several in marks.values() for mark in several if mark.kind == "cut"]
    sequence, before = (cuts[-1].sequence, cuts[-1].hash) if cuts else (0, START)
    first, signed_to, broken = sequence + 1, sequence, ""
    for number, body, stated in file.execute("SELECT sequence, body, hash FROM events ORDER BY sequence"):
        broken = _problem((number, body, stated), (sequence, before), marks.get(number, []))
        if broken:
            break
        sequence, before = number, stated
        signed_to = number if number in marks else signed_to
    last_mark = max(marks, default=0)
    if not broken and last_mark > sequence:
        broken = f"events {sequence + 1} to {last_mark} were signed and are gone"
    if not broken and sequence // every > signed_to // every:
        broken = f"the signatures behind event {signed_to} are gone"
    return Verified(events=sequence - first + 1, first=first, last=sequence, signed=signed_to, broken=broken)


def _checkpoint(row: Any) -> Checkpoint | None:
    try:
        return msgspec.convert(dict(zip(("sequence", "kind", "hash", "at", "mac"), row, strict=True)), Checkpoint)
    except msgspec.ValidationError:
        return None


def _problem(row: tuple[int, object, object], last: _Link, marks: list[Checkpoint]) -> str:
    """What is wrong with an event after another one; empty where nothing is."""
    number, body, stated = row
    if number != last[0] + 1:
        return f"event {last[0] + 1} is missing"
    if not isinstance(body, bytes) or linked(last[1], number, body) != stated:
        return f"event {number} is not as it was accepted"
    if any(mark.hash != stated for mark in marks):
        return f"event {number} is another one than was signed"
    return ""
