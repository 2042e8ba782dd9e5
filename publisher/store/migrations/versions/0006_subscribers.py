"""Sign-ups, notices, and the evidence of consent in full."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0006"
down_revision = "0002"


def upgrade() -> None:
    """Adds what double opt-in needs; a known consent keeps its time and source."""
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.add_column(
            sa.Column("language", sa.Text(), nullable=False, server_default="")
        )
        subscriptions.add_column(
            sa.Column("request", sa.Integer(), nullable=False, server_default="0")
        )
        subscriptions.add_column(sa.Column("paused_until", UtcDateTime(), nullable=True))
        subscriptions.add_column(sa.Column("seen_at", UtcDateTime(), nullable=True))
        subscriptions.add_column(sa.Column("asked_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE subscriptions SET seen_at = changed_at WHERE status = 'confirmed'")
    with op.batch_alter_table("consents") as consents:
        consents.alter_column("status", new_column_name="event")
        for name in ("address", "text", "ip", "message_id"):
            consents.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index(op.f("ix_consents_event_at"), "consents", ["event", "at"])
    op.execute("UPDATE consents SET event = 'imported' WHERE event = 'pending'")
    op.create_table(
        "consent_texts",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_consent_texts")),
    )
    _create_signups()
    _create_notices()


def _create_signups() -> None:
    op.create_table(
        "signups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signups")),
    )
    op.create_index(op.f("ix_signups_verdict_id"), "signups", ["verdict", "id"])
    op.create_index(op.f("ix_signups_network_at"), "signups", ["network", "at"])
    op.create_index(op.f("ix_signups_at"), "signups", ["at"])
    op.create_table(
        "signup_refusals",
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "reason", name=op.f("pk_signup_refusals")),
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Integer(), nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deferrals", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_notices_status_next_attempt_at"), "notices", ["status", "next_attempt_at"]
    )
    op.create_index(
        op.f("ix_notices_address_hash_created_at"), "notices", ["address_hash", "created_at"]
    )
    op.create_index(op.f("ix_notices_subscription"), "notices", ["subscription"])
