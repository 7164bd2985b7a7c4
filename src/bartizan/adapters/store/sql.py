"""SqlStore: the store in SQLite or PostgreSQL, by URL."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Row, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bartizan.adapters.store import approving, saving, schema
from bartizan.adapters.store.door import document_in, document_out, key, text_in
from bartizan.adapters.store.opening import open_engine
from bartizan.model.asset import Asset, Edge
from bartizan.model.change import Change, FindingStatus, FoundFinding, KnownFinding
from bartizan.model.coverage import Look
from bartizan.model.event import Event
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.pin import Approved, Drift, Pin, Review
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Snapshot


class SqlStore:
    """Implements the port `Store`. Opening makes or migrates the schema and raises UsageError with a remedy.

    `url` is `sqlite:///PATH` (the file is made for its owner alone) or `postgresql://...`; one with a password comes
    as a Secret. A save is one transaction: it is there whole or not at all, whenever the process dies.
    """

    def __init__(self, url: str | Secret, *, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        engine = open_engine(url.reveal() if isinstance(url, Secret) else url)
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        # One answer takes several statements: all of them must see the same scan. SQLite does so in any transaction.
        postgres = engine.dialect.name == "postgresql"
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ") if postgres else engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def save(self, inventory: Inventory, findings: Sequence[Finding], *, scope: str = "") -> None:
        """Keep a scan. Raises TypeError for a Secret anywhere in it."""
        with self._writer.begin() as connection:
            saving.save(connection, inventory, findings, scope, self._limits)

    def latest(self, *, scope: str = "") -> Inventory | None:
        """Give the newest inventory of a scope."""
        with self._reader.begin() as connection:
            scan = _newest(connection, scope)
            return None if scan is None else _inventory(connection, scan)

    def inventory(self, scan: int) -> Inventory | None:
        """Give the inventory of the scan with this number; nothing for one that is not the newest of its scope."""
        with self._reader.begin() as connection:
            row = connection.execute(_newest_of_all().where(schema.scans.c.number == scan)).one_or_none()
            return None if row is None else _inventory(connection, row)

    def findings(self, *, scope: str = "") -> list[Finding]:
        """Give the findings of the newest scan of a scope."""
        with self._reader.begin() as connection:
            scan = _newest(connection, scope)
            if scan is None:
                return []
            return [document_out(row.document, Finding) for row in _current(connection, schema.findings, scan)]

    def found(self, prefix: str) -> list[FoundFinding]:
        """Give the findings whose ids begin so, of the newest scan of every scope, the newest scan first."""
        scans, table = _newest_of_all().subquery(), schema.findings
        query = select(table.c.document, scans.c.number, scans.c.taken_at).join(
            scans, (table.c.scope == scans.c.scope) & (table.c.last_scan == scans.c.number)
        )
        with self._reader.begin() as connection:
            rows = connection.execute(query.order_by(scans.c.number.desc(), table.c.position)).all()
        told = (
            FoundFinding(finding=document_out(row.document, Finding), scan=row.number, taken_at=row.taken_at)
            for row in rows
        )
        return [one for one in told if one.finding.id.startswith(prefix)]

    def known_findings(self, *, scope: str = "") -> list[KnownFinding]:
        """Give every finding that the kept scans had, oldest first."""
        table = schema.findings
        query = select(table).where(table.c.scope == key(scope)).order_by(table.c.first_seen, table.c.key)
        with self._reader.begin() as connection:
            return [
                KnownFinding(
                    finding=document_out(row.document, Finding),
                    first_seen=row.first_seen,
                    last_seen=row.last_seen,
                    status=FindingStatus(row.status),
                )
                for row in connection.execute(query)
            ]

    def changes(self, *, scope: str = "") -> list[Change]:
        """Give what differs between the newest scan of a scope and the one before; nothing if it is the first."""
        with self._reader.begin() as connection:
            scan = _newest(connection, scope)
            if scan is None:
                return []
            return [document_out(row.document, Change) for row in _of_scan(connection, schema.changes, scan)]

    def record(self, event: Event) -> None:
        """Keep an event; the same `uid` twice is one event."""
        values = {"uid": key(event.uid), "time": event.time, "document": document_in(event)}
        self._insert_once(schema.events, values)

    def events(self, *, since: datetime | None = None) -> list[Event]:
        """Give events in the order of their time."""
        table = schema.events
        query = select(table.c.document).order_by(table.c.time, table.c.number)
        if since is not None:
            query = query.where(table.c.time >= since)
        with self._reader.begin() as connection:
            return [document_out(row.document, Event) for row in connection.execute(query)]

    def consented(self, digest: str) -> bool:
        """Whether a start with this digest was approved and remembered."""
        query = select(schema.consents.c.digest).where(schema.consents.c.digest == key(digest))
        with self._reader.begin() as connection:
            return connection.scalar(query) is not None

    def remember_consent(self, digest: str, shown: str, at: datetime) -> None:
        """Remember an approved start."""
        self._insert_once(schema.consents, {"digest": key(digest), "shown": text_in(shown), "given_at": at})

    def approve(self, review: Review, pins: Sequence[Pin]) -> None:
        """Keep what a person approved of one server. Raises TypeError for a Secret anywhere in it."""
        with self._writer.begin() as connection:
            approving.approve(connection, review, pins)

    def approved(self) -> Approved:
        """Give every pin and review."""
        with self._reader.begin() as connection:
            return approving.approved(connection)

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _insert_once(self, table: Table, values: JsonObject) -> None:
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        with self._writer.begin() as connection:
            connection.execute(insert(table).values(values).on_conflict_do_nothing())


def _newest(connection: Connection, scope: str) -> Row[Any] | None:
    table = schema.scans
    query = select(table).where(table.c.scope == key(scope)).order_by(table.c.number.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _newest_of_all() -> Select[Any]:
    """The newest scan of every scope."""
    table = schema.scans
    return select(table).where(table.c.number.in_(select(func.max(table.c.number)).group_by(table.c.scope)))


def _inventory(connection: Connection, scan: Row[Any]) -> Inventory:
    return Inventory(
        format=scan.format,
        taken_at=scan.taken_at,
        assets=tuple(_dated(row, Asset) for row in _current(connection, schema.assets, scan)),
        edges=tuple(_dated(row, Edge) for row in _current(connection, schema.edges, scan)),
        snapshots=tuple(_snapshot(row) for row in connection.execute(_takings(scan))),
        looks=tuple(document_out(row.document, Look) for row in _of_scan(connection, schema.looks, scan)),
        drifts=tuple(document_out(row.document, Drift) for row in _of_scan(connection, schema.drifts, scan)),
    )


def _current(connection: Connection, table: Table, scan: Row[Any]) -> Sequence[Row[Any, Any, Any]]:
    """The rows that this scan saw, in the order in which it saw them."""
    current = (table.c.scope == scan.scope) & (table.c.last_scan == scan.number)
    query = select(table.c.document, table.c.first_seen, table.c.last_seen).where(current)
    return connection.execute(query.order_by(table.c.position)).all()


def _of_scan(connection: Connection, table: Table, scan: Row[Any]) -> Sequence[Row[Any]]:
    query = select(table.c.document).where(table.c.scan == scan.number)
    return connection.execute(query.order_by(table.c.position)).all()


def _takings(scan: Row[Any]) -> Select[Any, Any]:
    taking, snapshot = schema.takings, schema.snapshots
    query = select(taking.c.taken_at, snapshot.c.document).join(snapshot, taking.c.hash == snapshot.c.hash)
    return query.where(taking.c.scan == scan.number).order_by(taking.c.position)


def _dated(row: Row[Any, Any, Any], kind: Any) -> Any:
    thing = document_out(row.document, kind)
    return msgspec.structs.replace(thing, first_seen=row.first_seen, last_seen=row.last_seen)


def _snapshot(row: Row[Any, Any]) -> Snapshot:
    plain: JsonObject = document_out(row.document, dict[str, Any])
    return msgspec.convert({**plain, "taken_at": row.taken_at}, Snapshot)
