"""What a relay refused for good, by hour: while it warms up, that holds the step."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    """Adds a column."""
    op.add_column(
        "relay_usage", sa.Column("refused", sa.Integer(), nullable=False, server_default="0")
    )
