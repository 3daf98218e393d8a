"""accounts, sessions, refresh tokens and the client assertions already used"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("sub", sa.String(36), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("roles", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("disabled_at", sa.Double),
        sa.Column("email_verified_at", sa.Double),
    )
    op.create_table(
        "sessions",
        sa.Column("sid", sa.String(64), primary_key=True),
        sa.Column(
            "sub",
            sa.String(36),
            sa.ForeignKey("accounts.sub", ondelete="CASCADE", name="fk_sessions_sub"),
            nullable=False,
        ),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scopes", sa.String(2000), nullable=False),
        sa.Column("audiences", sa.String(2000), nullable=False),
        sa.Column("methods", sa.String(100), nullable=False),
        sa.Column("auth_time", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("end_reason", sa.String(40)),
        sa.Column("status_list", sa.Integer),
        sa.Column("status_index", sa.Integer),
        sa.UniqueConstraint("status_list", "status_index", name="uq_sessions_status"),
    )
    op.create_index("ix_sessions_sub", "sessions", ["sub", "ended_at"])
    op.create_index("ix_sessions_client", "sessions", ["client_id", "ended_at"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column(
            "sid",
            sa.String(64),
            sa.ForeignKey("sessions.sid", ondelete="CASCADE", name="fk_refresh_tokens_sid"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("keep_until", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("successor", sa.LargeBinary(32)),
        sa.Column("sealed", sa.LargeBinary(200)),
    )
    op.create_index("ix_refresh_tokens_sid", "refresh_tokens", ["sid"])
    op.create_index("ix_refresh_tokens_keep_until", "refresh_tokens", ["keep_until"])
    op.create_table(
        "client_assertions",
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("jti", sa.String(255), primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("ix_client_assertions_until", "client_assertions", ["until"])


def downgrade() -> None:
    for table in ("client_assertions", "refresh_tokens", "sessions", "accounts"):
        op.drop_table(table)
