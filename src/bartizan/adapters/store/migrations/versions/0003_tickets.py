"""Calls that wait for a person, and the persons who may decide."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_HASH = sa.String(64)


def upgrade() -> None:
    """Make the tables of tickets and approvers."""
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("digest", _HASH, nullable=False),
        sa.Column("principal", _HASH, nullable=False),
        sa.Column("policy", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("tickets_by_call", "tickets", ["digest", "principal", "policy"])
    op.create_index("tickets_by_state", "tickets", ["state", "created"])
    op.create_table(
        "approvers",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
