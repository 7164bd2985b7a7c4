"""What was approved, and what differs from it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_HASH = sa.String(64)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of pins, reviews and drifts."""
    op.create_table(
        "drifts",
        sa.Column("scan", _NUMBER, sa.ForeignKey("scans.number"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "pins",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("owner", _HASH, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("pins_by_owner", "pins", ["owner", "kind"])
