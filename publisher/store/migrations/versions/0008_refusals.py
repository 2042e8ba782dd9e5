"""What a relay refused for good, by hour: while it warms up, that holds the step."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a column."""
    op.add_column(
        "relay_usage", sa.Column("refused", sa.Integer(), nullable=False, server_default="0")
    )
