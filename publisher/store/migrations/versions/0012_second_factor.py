"""The second factor of operators: a secret, and the step of the newest code that was taken."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nobody has one yet."""
    op.add_column("admins", sa.Column("totp_secret", sa.Text(), nullable=False, server_default=""))
    op.add_column("admins", sa.Column("totp_step", sa.Integer(), nullable=True))
