"""revocation bits, their lists, and until when a session's tokens live"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "status_lists",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
    )
    op.create_table(
        "revocations",
        sa.Column("status_list", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status_index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("ix_revocations_change", "revocations", ["change"])
    op.create_index("ix_revocations_until", "revocations", ["until"])
    op.add_column("sessions", sa.Column("tokens_until", sa.Double))
    op.create_index("ix_sessions_tokens_until", "sessions", ["tokens_until"])


def downgrade() -> None:
    op.execute("UPDATE sessions SET status_list = NULL, status_index = NULL")
    op.drop_index("ix_sessions_tokens_until", "sessions")
    op.drop_column("sessions", "tokens_until")
    for table in ("revocations", "status_lists"):
        op.drop_table(table)
