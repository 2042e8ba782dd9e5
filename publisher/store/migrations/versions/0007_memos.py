"""What the operator was told of issues, and who asks for feeds."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds tables."""
    _create_polls()
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


def _create_polls() -> None:
    op.create_table(
        "feed_polls",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "feed", "status", name=op.f("pk_feed_polls")),
    )
    op.create_table(
        "feed_readers",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_hosted", sa.Boolean(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "name", name=op.f("pk_feed_readers")),
    )
    op.create_index(op.f("ix_feed_readers_seen_at"), "feed_readers", ["seen_at"])
    op.create_table(
        "feed_reader_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_feed_reader_days")),
    )
