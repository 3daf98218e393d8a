"""streams, and the signals that wait for them"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signal_streams",
        sa.Column("stream_id", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("endpoint_url", sa.String(2000)),
        sa.Column("authorization", sa.String(2000)),
        sa.Column("requested", sa.Text, nullable=False),
        sa.Column("delivered", sa.Text, nullable=False),
        sa.Column("description", sa.String(500)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("verified_at", sa.Double),
    )
    op.create_index("ix_signal_streams_client", "signal_streams", ["client_id", "created_at"])
    op.create_table(
        "signals",
        sa.Column("jti", sa.String(64), primary_key=True),
        sa.Column("stream_id", sa.String(64), nullable=False),
        sa.Column("txn", sa.String(64), nullable=False),
        sa.Column("event", sa.String(200), nullable=False),
        sa.Column("sub", sa.String(36)),
        sa.Column("sid", sa.String(64)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.Double, nullable=False),
    )
    op.create_index("ix_signals_due", "signals", ["stream_id", "next_try_at"])
    op.create_index("ix_signals_stream", "signals", ["stream_id", "created_at"])
    op.create_index("ix_signals_created_at", "signals", ["created_at"])


def downgrade() -> None:
    for table in ("signals", "signal_streams"):
        op.drop_table(table)
