"""The first schema."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_HASH = sa.String(64)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    _scans()
    _kept("assets", _text("id"), _short("kind", 32), _text("name"), _short("state", 8), _text("digests"))
    _kept("edges", _text("source"), _text("target"), _short("kind", 32))
    _kept("findings", _text("rule"), _short("severity", 16), _short("status", 8))
    _snapshots()
    _of_scan("looks", _short("outcome", 16))
    _of_scan("changes", _short("alteration", 16))
    _events_and_consents()


def _scans() -> None:
    op.create_table(
        "scans",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("scope", _HASH, nullable=False),
        _text("format"),
        _time("taken_at"),
    )
    op.create_index("scans_by_scope", "scans", ["scope", "number"])


def _kept(table: str, *own: sa.Column[str]) -> None:
    op.create_table(
        table,
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("scope", _HASH, nullable=False),
        *own,
        sa.Column("position", sa.Integer, nullable=False),
        _time("first_seen"),
        _time("last_seen"),
        sa.Column("last_scan", _NUMBER, nullable=False),
        _text("document"),
    )
    op.create_index(f"{table}_by_scope", table, ["scope", "last_scan"])


def _snapshots() -> None:
    op.create_table("snapshots", sa.Column("hash", _HASH, primary_key=True), _text("document"))
    op.create_table(
        "takings",
        sa.Column("scan", _NUMBER, sa.ForeignKey("scans.number"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        _text("server"),
        _time("taken_at"),
        sa.Column("hash", _HASH, sa.ForeignKey("snapshots.hash"), nullable=False),
    )
    op.create_index("takings_by_hash", "takings", ["hash"])


def _of_scan(table: str, own: sa.Column[str]) -> None:
    op.create_table(
        table,
        sa.Column("scan", _NUMBER, sa.ForeignKey("scans.number"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        own,
        _text("document"),
    )


def _events_and_consents() -> None:
    op.create_table(
        "events",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("uid", _HASH, nullable=False, unique=True),
        _time("time"),
        _text("document"),
    )
    op.create_index("ix_events_time", "events", ["time"])
    op.create_table("consents", sa.Column("digest", _HASH, primary_key=True), _text("shown"), _time("given_at"))


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _short(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, _TIME, nullable=False)
