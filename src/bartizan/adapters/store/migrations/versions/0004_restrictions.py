"""What is not permitted for the time being."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of restrictions."""
    op.create_table(
        "restrictions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("open", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("restrictions_in_force", "restrictions", ["open", "since"])
