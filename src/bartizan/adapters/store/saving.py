"""Saving a scan, in one transaction: what is new, what is still there, what is gone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from bartizan.adapters.store import schema
from bartizan.adapters.store.door import document_in, document_out, key, text_in
from bartizan.model.asset import Asset, AssetId, AssetKind, Edge
from bartizan.model.change import Alteration, Change, FindingStatus
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.limits import Limits

PRESENT, UNSEEN, GONE = "present", "unseen", "gone"
HASHES = ("sha256", "definition_sha256", "instructions_sha256")
Values = dict[str, Any]
AnyRow = Any  # a row of the columns that were selected; the library types it by their number


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """The scan being saved: its number, the hash of its scope, and the inventory."""

    number: int
    scope: str
    first: bool
    inventory: Inventory


def save(connection: Connection, inventory: Inventory, findings: Sequence[Finding], scope: str, limits: Limits) -> None:
    """Write everything, on a connection that has begun to write."""
    hashed = key(scope)
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        lock = int(hashed[:15], 16)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    scan = _begin(connection, inventory, hashed)
    blind = _Blind(inventory)
    changes = _assets(connection, scan, blind)
    _edges(connection, scan)
    _findings(connection, scan, findings, blind)
    _snapshots(connection, scan)
    _numbered(connection, schema.looks, scan, ({"outcome": look.outcome, "document": look} for look in inventory.looks))
    _numbered(connection, schema.changes, scan, ({"alteration": one.alteration, "document": one} for one in changes))
    drifts = ({"severity": drift.severity, "document": drift} for drift in inventory.drifts)
    _numbered(connection, schema.drifts, scan, drifts)
    _forget(connection, scan, limits.scans_kept_max)


class _Blind:
    """What this scan could not look at: absence from there is no news."""

    def __init__(self, inventory: Inventory) -> None:
        self._subjects = {look.subject for look in inventory.incomplete if look.subject}
        self._paths = {look.place.path for look in inventory.incomplete if look.place and look.place.path}

    def to(self, asset: Asset) -> bool:
        server = asset.attributes.get("server")
        return (
            asset.id in self._subjects
            or (isinstance(server, str) and server in self._subjects)
            or any(place.path in self._paths for place in asset.places if place.path)
        )

    def to_finding(self, finding: Finding) -> bool:
        place = finding.place
        return finding.subject in self._subjects or (place is not None and place.path in self._paths)


def _begin(connection: Connection, inventory: Inventory, scope: str) -> Scan:
    earlier = connection.scalar(select(schema.scans.c.number).where(schema.scans.c.scope == scope).limit(1))
    values = {"scope": scope, "format": inventory.format, "taken_at": inventory.taken_at}
    number = connection.execute(insert(schema.scans).values(values)).inserted_primary_key
    assert number is not None
    return Scan(number=number[0], scope=scope, first=earlier is None, inventory=inventory)


def _assets(connection: Connection, scan: Scan, blind: _Blind) -> list[Change]:
    table = schema.assets
    columns = (table.c.key, table.c.state, table.c.first_seen, table.c.last_seen, table.c.digests)
    known = {row.key: row for row in connection.execute(select(*columns).where(table.c.scope == scan.scope))}
    rows: list[Values] = []
    changes: list[Change] = []
    for position, asset in enumerate(scan.inventory.assets):
        row_key = key(scan.scope, asset.id)
        row = known.pop(row_key, None)
        before: dict[str, str] = document_out(row.digests, dict[str, str]) if row else {}
        now = _digests(asset)
        changes += _changes(asset, row, before, now)
        values = {"key": row_key, "position": position, "digests": document_in({**before, **now})}
        rows.append({**values, **_asset_values(scan, asset, row)})
    upsert(connection, table, rows)
    lost = [row_key for row_key, row in known.items() if row.state != GONE]
    changes += _lost(connection, lost, blind)
    return [] if scan.first else changes


def _asset_values(scan: Scan, asset: Asset, row: AnyRow | None) -> Values:
    first, last = _seen(scan, asset, row)
    return {
        "scope": scan.scope,
        "id": text_in(asset.id),
        "kind": asset.kind,
        "name": text_in(asset.name),
        "state": PRESENT,
        "first_seen": first,
        "last_seen": last,
        "last_scan": scan.number,
        "document": document_in(msgspec.structs.replace(asset, first_seen=None, last_seen=None)),
    }


def _seen(scan: Scan, thing: Asset | Edge, row: AnyRow | None) -> tuple[datetime, datetime]:
    first = thing.first_seen or scan.inventory.taken_at
    last = thing.last_seen or scan.inventory.taken_at
    return (min(first, row.first_seen), max(last, row.last_seen)) if row else (first, last)


def _digests(asset: Asset) -> dict[str, str]:
    package = asset.attributes.get("package")
    found = {name: asset.attributes.get(name) for name in HASHES}
    if isinstance(package, dict):
        found["package.sha256"] = package.get("sha256")  # pyright: ignore[reportUnknownMemberType]
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _changes(asset: Asset, row: AnyRow | None, before: dict[str, str], now: dict[str, str]) -> list[Change]:
    """A hash that is missing on one side was not looked at there: that is no change."""
    if row is None or row.state == GONE:
        return [Change(alteration=Alteration.ADDED, asset=asset.id, kind=asset.kind, name=asset.name)]
    return [
        Change(
            alteration=Alteration.CHANGED,
            asset=asset.id,
            kind=asset.kind,
            name=asset.name,
            what=name,
            before=before[name],
            after=now[name],
        )
        for name in sorted(now.keys() & before.keys())
        if now[name] != before[name]
    ]


def _lost(connection: Connection, keys: Sequence[str], blind: _Blind) -> list[Change]:
    table = schema.assets
    changes: list[Change] = []
    for batch in _batches(keys):
        query = select(table.c.key, table.c.state, table.c.document).where(table.c.key.in_(batch))
        states: dict[str, list[str]] = {GONE: [], UNSEEN: []}
        for row in connection.execute(query.order_by(table.c.kind, table.c.key)):
            asset = document_out(row.document, Asset)
            state = UNSEEN if blind.to(asset) else GONE
            if state != row.state:
                states[state].append(row.key)
                changes.append(_gone(asset.id, asset.kind, asset.name, Alteration(state)))
        for state, found in states.items():
            connection.execute(update(table).where(table.c.key.in_(found)).values(state=state))
    return changes


def _gone(asset: AssetId, kind: AssetKind, name: str, alteration: Alteration) -> Change:
    return Change(alteration=alteration, asset=asset, kind=kind, name=name)


def _edges(connection: Connection, scan: Scan) -> None:
    table = schema.edges
    columns = (table.c.key, table.c.first_seen, table.c.last_seen)
    known = {row.key: row for row in connection.execute(select(*columns).where(table.c.scope == scan.scope))}
    seen: Counter[str] = Counter()
    rows: list[Values] = []
    for position, edge in enumerate(scan.inventory.edges):
        base = key(scan.scope, edge.source, edge.target, edge.kind)
        seen[base] += 1  # one client may configure one server under two names
        row_key = base if seen[base] == 1 else key(base, str(seen[base]))
        first, last = _seen(scan, edge, known.get(row_key))
        rows.append(
            {
                "key": row_key,
                "scope": scan.scope,
                "source": text_in(edge.source),
                "target": text_in(edge.target),
                "kind": edge.kind,
                "position": position,
                "first_seen": first,
                "last_seen": last,
                "last_scan": scan.number,
                "document": document_in(msgspec.structs.replace(edge, first_seen=None, last_seen=None)),
            }
        )
    upsert(connection, table, rows)


def _findings(connection: Connection, scan: Scan, findings: Sequence[Finding], blind: _Blind) -> None:
    table = schema.findings
    columns = (table.c.key, table.c.first_seen, table.c.status, table.c.document)
    known = {row.key: row for row in connection.execute(select(*columns).where(table.c.scope == scan.scope))}
    rows: dict[str, Values] = {}
    for position, finding in enumerate(findings):
        row_key = key(scan.scope, finding.id)
        row = known.get(row_key)
        rows[row_key] = {
            "key": row_key,
            "scope": scan.scope,
            "rule": text_in(finding.rule),
            "severity": finding.severity,
            "status": FindingStatus.OPEN,
            "position": position,
            "first_seen": row.first_seen if row else scan.inventory.taken_at,
            "last_seen": scan.inventory.taken_at,
            "last_scan": scan.number,
            "document": document_in(finding),
        }
    upsert(connection, table, list(rows.values()))
    lost = [row for row_key, row in known.items() if row_key not in rows and row.status != FindingStatus.GONE]
    gone = [row.key for row in lost if not blind.to_finding(document_out(row.document, Finding))]
    for batch in _batches(gone):
        connection.execute(update(table).where(table.c.key.in_(batch)).values(status=FindingStatus.GONE))


def _snapshots(connection: Connection, scan: Scan) -> None:
    """Equal definitions are kept once, whenever and however often a server gave them."""
    documents: dict[str, str] = {}
    takings: list[Values] = []
    for position, snapshot in enumerate(scan.inventory.snapshots):
        plain: Values = msgspec.to_builtins(snapshot)
        del plain["taken_at"]
        document = document_in(plain)
        hashed = key(document)
        documents[hashed] = document
        takings.append(
            {
                "scan": scan.number,
                "position": position,
                "server": text_in(snapshot.server),
                "taken_at": snapshot.taken_at,
                "hash": hashed,
            }
        )
    if documents:
        table = schema.snapshots
        rows = [{"hash": hashed, "document": document} for hashed, document in sorted(documents.items())]
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)
        connection.execute(insert(schema.takings), takings)


def _numbered(connection: Connection, table: Table, scan: Scan, values: Iterable[Values]) -> None:
    rows = [
        {**one, "scan": scan.number, "position": position, "document": document_in(one["document"])}
        for position, one in enumerate(values)
    ]
    if rows:
        connection.execute(insert(table), rows)


def _forget(connection: Connection, scan: Scan, kept: int) -> None:
    """What none of the kept scans saw is forgotten."""
    number = schema.scans.c.number
    ours = select(number).where(schema.scans.c.scope == scan.scope).order_by(number.desc())
    oldest = connection.scalar(ours.offset(kept - 1).limit(1))
    if oldest is None:
        return
    old = connection.scalars(ours.where(number < oldest)).all()
    if not old:
        return
    for table in (schema.looks, schema.changes, schema.drifts, schema.takings):
        connection.execute(delete(table).where(table.c.scan.in_(old)))
    connection.execute(delete(schema.scans).where(number.in_(old)))
    for table in (schema.assets, schema.edges, schema.findings):
        connection.execute(delete(table).where(table.c.scope == scan.scope, table.c.last_scan < oldest))
    used = select(schema.takings.c.hash)
    connection.execute(delete(schema.snapshots).where(schema.snapshots.c.hash.not_in(used)))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(connection: Connection, table: Table, rows: list[Values]) -> None:
    """Insert or replace rows, in the order of their keys, so that two writers never wait for each other in a circle."""
    if not rows:
        return
    statement = _insert(connection, table)
    kept = {column.name: statement.excluded[column.name] for column in table.columns if column.name != "key"}
    rows = sorted(rows, key=lambda row: row["key"])
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=kept), rows)


def _batches(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
