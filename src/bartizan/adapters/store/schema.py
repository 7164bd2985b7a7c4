"""The tables, once for SQLite and PostgreSQL. `migrations/` makes them; a test holds the two against each other.

Rows of assets, edges and findings are kept from scan to scan: a scan touches what it saw. `scope` is the hash of what
was scanned (this machine, another home, one URL), because only scans of the same scope can be compared. `key` is the
hash of scope and identity: no length and no character of a hostile text can break an index. `position` keeps the order.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

HEAD = "0005"  # the newest revision in `migrations/versions`


class UtcTime(TypeDecorator[datetime]):
    """An aware time, in UTC on both sides. SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone is not stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


HASH = String(64)
NUMBER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

scans = Table(
    "scans",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("scope", HASH, nullable=False),
    Column("format", Text, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
    Index("scans_by_scope", "scope", "number"),
)

assets = Table(
    "assets",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("scope", HASH, nullable=False),
    Column("id", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(8), nullable=False),
    Column("position", Integer, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("last_scan", NUMBER, nullable=False),
    Column("digests", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("assets_by_scope", "scope", "last_scan"),
)

edges = Table(
    "edges",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("scope", HASH, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("last_scan", NUMBER, nullable=False),
    Column("document", Text, nullable=False),
    Index("edges_by_scope", "scope", "last_scan"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("hash", HASH, primary_key=True),
    Column("document", Text, nullable=False),
)

takings = Table(  # when which server gave which snapshot
    "takings",
    metadata,
    Column("scan", NUMBER, ForeignKey("scans.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("server", Text, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
    Column("hash", HASH, ForeignKey("snapshots.hash"), nullable=False),
    Index("takings_by_hash", "hash"),
)

looks = Table(
    "looks",
    metadata,
    Column("scan", NUMBER, ForeignKey("scans.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("document", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("scan", NUMBER, ForeignKey("scans.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("alteration", String(16), nullable=False),
    Column("document", Text, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("scope", HASH, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(8), nullable=False),
    Column("position", Integer, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("last_scan", NUMBER, nullable=False),
    Column("document", Text, nullable=False),
    Index("findings_by_scope", "scope", "last_scan"),
)

events = Table(
    "events",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("uid", HASH, nullable=False, unique=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("digest", HASH, primary_key=True),
    Column("shown", Text, nullable=False),
    Column("given_at", UtcTime, nullable=False),
)

drifts = Table(
    "drifts",
    metadata,
    Column("scan", NUMBER, ForeignKey("scans.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("document", Text, nullable=False),
)

reviews = Table(  # one for each version of a server that a person approved
    "reviews",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("server", Text, nullable=False),
    Column("approved_at", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
)

pins = Table(
    "pins",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("owner", HASH, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("approved_at", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
    Index("pins_by_owner", "owner", "kind"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("state", String(8), nullable=False),
    Column("digest", HASH, nullable=False),
    Column("principal", HASH, nullable=False),
    Column("policy", String(16), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
    Index("tickets_by_call", "digest", "principal", "policy"),
    Index("tickets_by_state", "state", "created"),
)

approvers = Table(
    "approvers",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("document", Text, nullable=False),
)

restrictions = Table(
    "restrictions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("open", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
    Index("restrictions_in_force", "open", "since"),
)

counters = Table(  # what was used of a budget that gateways share, by slices of its window
    "counters",
    metadata,
    Column("key", HASH, primary_key=True),
    Column("slice", NUMBER, primary_key=True, autoincrement=False),
    Column("amount", NUMBER, nullable=False),
    Column("ends", NUMBER, nullable=False),
    Index("counters_by_end", "ends"),
)
