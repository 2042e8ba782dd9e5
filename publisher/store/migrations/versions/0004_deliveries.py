"""Deliveries in leased batches; what was learnt of relays, and how much they were given."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0004"
down_revision = "0003"

_BATCH_ROWS = 500


def upgrade() -> None:
    """Adds the new tables and puts what is still to be sent into batches."""
    op.create_table(
        "delivery_batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["issue"], ["issues.id"], name=op.f("fk_delivery_batches_issue"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_batches")),
    )
    op.create_index(
        op.f("ix_delivery_batches_issue_is_open"), "delivery_batches", ["issue", "is_open"]
    )
    op.create_table(
        "relays",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("resting_until", UtcDateTime(), nullable=True),
        sa.Column("setbacks", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("per_connection", sa.Integer(), nullable=True),
        sa.Column("pipelining", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_relays")),
    )
    op.create_table(
        "relay_usage",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("sender_domain", sa.Text(), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "sender_domain", "hour", name=op.f("pk_relay_usage")),
    )
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("batch", sa.Integer(), nullable=True))
        table.add_column(sa.Column("relay", sa.Text(), nullable=False, server_default=""))
        table.drop_column("name")
        table.drop_column("created_at")
        table.create_index(op.f("ix_deliveries_batch"), ["batch"])
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("relay", server_default=None)
    with op.batch_alter_table("delivery_attempts") as table:
        table.add_column(sa.Column("relay", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("delivery_attempts") as table:
        table.alter_column("relay", server_default=None)
    _fill_batches()


def _fill_batches() -> None:
    connection = op.get_bind()
    waiting = connection.execute(
        sa.text(
            "SELECT id, issue, changed_at FROM deliveries "
            "WHERE status IN ('pending', 'sending', 'unknown') ORDER BY issue, id"
        )
    ).all()
    batch, batch_issue, size = 0, None, 0
    for row in waiting:
        if row.issue != batch_issue or size == _BATCH_ROWS:
            batch, batch_issue, size = batch + 1, row.issue, 0
            connection.execute(
                sa.text(
                    "INSERT INTO delivery_batches "
                    "(id, issue, is_open, next_at, lease_owner, lease_epoch) "
                    "VALUES (:id, :issue, true, :at, '', 0)"
                ),
                {"id": batch, "issue": row.issue, "at": row.changed_at},
            )
        connection.execute(
            sa.text("UPDATE deliveries SET batch = :batch WHERE id = :id"),
            {"batch": batch, "id": row.id},
        )
        size += 1
