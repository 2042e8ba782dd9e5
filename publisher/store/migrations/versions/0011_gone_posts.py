"""Since when the file of a post is gone: another text at its path is then another post."""

import sqlalchemy as sa
from alembic import op

from publisher.store.types import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds a column."""
    op.add_column("posts", sa.Column("gone_at", UtcDateTime(), nullable=True))
