"""What was used of the budgets that gateways share."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table of counters."""
    op.create_table(
        "counters",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("slice", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("ends", _NUMBER, nullable=False),
    )
    op.create_index("counters_by_end", "counters", ["ends"])
