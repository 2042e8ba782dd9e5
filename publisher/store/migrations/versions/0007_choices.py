"""What subscribers may choose: frequency, topics, languages; a series of issues a frequency."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0011"


def upgrade() -> None:
    """Everything so far belongs to the newsletters' own series; nobody has chosen anything."""
    with op.batch_alter_table("newsletters") as newsletters:
        newsletters.drop_constraint(op.f("pk_newsletters"), type_="primary")
        newsletters.add_column(_text("series"))
        newsletters.add_column(_text("offered"))
        newsletters.create_primary_key(op.f("pk_newsletters"), ["id", "series"])
    with op.batch_alter_table("issue_posts") as issue_posts:
        issue_posts.drop_constraint(op.f("pk_issue_posts"), type_="primary")
        issue_posts.add_column(_text("series"))
        issue_posts.create_primary_key(op.f("pk_issue_posts"), ["newsletter", "series", "post"])
    for table, names in (
        ("issues", ("series",)),
        ("variants", ("language", "posts")),
        ("subscriptions", ("frequency", "topics", "languages")),
        ("signups", ("frequency",)),
    ):
        for name in names:
            op.add_column(table, _text(name))
    op.add_column("deliveries", _text("variant", default="default"))
    op.drop_index(op.f("ix_subscriptions_newsletter_status"), "subscriptions")
    op.create_index(
        op.f("ix_subscriptions_newsletter_status_frequency"),
        "subscriptions",
        ["newsletter", "status", "frequency"],
    )
    op.create_table(
        "balances",
        sa.Column("subscription", sa.Integer(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("is_owed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription"],
            ["subscriptions.id"],
            name=op.f("fk_balances_subscription"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription", "post", name=op.f("pk_balances")),
    )


def _text(name: str, *, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)
