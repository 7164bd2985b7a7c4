"""Budgets that several gateways share: what was used of each, in slices of its window, in one transaction."""

import math
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from bartizan.adapters.store.door import key
from bartizan.adapters.store.opening import open_engine
from bartizan.adapters.store.schema import counters
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Counted, Take
from bartizan.model.secret import Secret

SLICES = 12
_PURGE_SECONDS = 60.0


class SqlCounters:
    """Implements the port `Counters`. Blocks; who calls bounds the time. Rounds against the caller, as a meter does.

    The clock is PostgreSQL's own where that is the store, so that replicas need not agree on theirs.
    """

    def __init__(self, url: str | Secret, *, limits: Limits = DEFAULT) -> None:
        """Raises UsageError with a remedy, as opening a store does."""
        engine = open_engine(url.reveal() if isinstance(url, Secret) else url)
        self._engine, self._writer = engine, engine.execution_options(writes=True)
        self._postgres = engine.dialect.name == "postgresql"
        self._wait_ms = math.ceil(limits.need_seconds_max * 1000)
        self._purged = time.monotonic()

    def take(self, takes: Sequence[Take], at: datetime) -> Counted:
        """Take from all budgets, or from none where one is used up. Raises SQLAlchemyError."""
        with self._writer.begin() as connection:
            now = self._now(connection, at)
            self._lock(connection, takes)
            for one in takes:
                if wait := _wait(connection, one, now):
                    return Counted(granted=False, retry_after_seconds=wait, key=one.key)
            self._add(connection, takes, now)
        return Counted(granted=True)

    def add(self, takes: Sequence[Take], at: datetime) -> None:
        """Count what was used, whatever is left. Raises SQLAlchemyError."""
        with self._writer.begin() as connection:
            now = self._now(connection, at)
            self._lock(connection, takes)
            self._add(connection, takes, now)

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _now(self, connection: Connection, at: datetime) -> float:
        if not self._postgres:
            return at.timestamp()
        connection.execute(text(f"SET LOCAL statement_timeout = {self._wait_ms}"))
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def _lock(self, connection: Connection, takes: Sequence[Take]) -> None:
        """One at a time for each budget, in one order for all. SQLite has one writer anyway."""
        if self._postgres:
            for lock in sorted({int(key(one.key)[:15], 16) for one in takes}):
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})

    def _add(self, connection: Connection, takes: Sequence[Take], now: float) -> None:
        insert = postgresql.insert if self._postgres else sqlite.insert
        for one in takes:
            values = {
                "key": key(one.key),
                "slice": math.floor(now / one.window_seconds * SLICES),
                "amount": one.amount,
                "ends": math.ceil(now + 2 * one.window_seconds),
            }
            row = insert(counters).values(values)
            more = {"amount": counters.c.amount + row.excluded.amount}
            connection.execute(row.on_conflict_do_update(index_elements=["key", "slice"], set_=more))
        if time.monotonic() - self._purged > _PURGE_SECONDS:
            self._purged = time.monotonic()
            connection.execute(counters.delete().where(counters.c.ends < math.floor(now)))


def _wait(connection: Connection, take: Take, now: float) -> float:
    """Seconds until one more fits; 0 where it fits now."""
    width = take.window_seconds / SLICES
    oldest = math.floor(now / width) - SLICES
    mine = (counters.c.key == key(take.key)) & (counters.c.slice >= oldest)
    used = int(connection.execute(select(func.coalesce(func.sum(counters.c.amount), 0)).where(mine)).scalar_one())
    if used < take.most:
        return 0.0
    slices = select(counters.c.slice, counters.c.amount).where(mine).order_by(counters.c.slice)
    for row in connection.execute(slices):
        used -= row.amount
        if used < take.most:
            return max((row.slice + SLICES + 1) * width - now, 0.001)
    return take.window_seconds
