"""Why an issue waits; since when a schedule holds; instance, jobs, operators."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the columns and the tables."""
    with op.batch_alter_table("issues") as table:
        table.add_column(sa.Column("cause", sa.Text(), nullable=False, server_default=""))
    _drop_default("issues", "cause")
    # Until now an issue was skipped for one reason only.
    op.execute("UPDATE issues SET cause = 'no_posts' WHERE status = 'skipped'")
    with op.batch_alter_table("newsletters") as table:
        table.add_column(sa.Column("schedule", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("rule_from", UtcDateTime(), nullable=True))
    _drop_default("newsletters", "schedule")
    op.execute("UPDATE newsletters SET rule_from = first_seen_at")
    with op.batch_alter_table("newsletters") as table:
        table.alter_column("rule_from", nullable=False)
    _instance()
    _jobs()
    _operators()


def _drop_default(table: str, column: str) -> None:
    """In a step of its own: SQLite builds the table anew, and its rows need the default then."""
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, server_default=None)


def _instance() -> None:
    op.create_table(
        "instance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=True),
        sa.Column("fenced_at", UtcDateTime(), nullable=True),
        sa.Column("fence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "sent_before",
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "newsletter", "period", "address_hash", name=op.f("pk_sent_before")
        ),
    )


def _jobs() -> None:
    op.create_table(
        "job_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
        sa.UniqueConstraint("job", "slot", name=op.f("uq_job_runs_job_slot")),
    )


def _operators() -> None:
    op.create_table(
        "admins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admins")),
        sa.UniqueConstraint("name", name=op.f("uq_admins_name")),
    )
    op.create_table(
        "sessions",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("admin", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin"], ["admins.id"], name=op.f("fk_sessions_admin"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_admin"), "sessions", ["admin"])
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failures")),
    )
    op.create_index(op.f("ix_login_failures_at"), "login_failures", ["at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
