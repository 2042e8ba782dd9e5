"""What the doctor found."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds a table."""
    op.create_table(
        "checkups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkups")),
    )
    op.create_index(op.f("ix_checkups_at"), "checkups", ["at"])
