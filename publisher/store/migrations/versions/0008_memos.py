"""What the operator was told of issues."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    """Adds a table."""
    op.create_table(
        "memos",
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deferrals", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_memos_issue"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue", "matter", name=op.f("pk_memos")),
    )
