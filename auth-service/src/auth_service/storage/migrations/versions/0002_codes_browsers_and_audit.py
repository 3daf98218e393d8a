"""codes, browser sessions, consents, mailed tokens, the audit log, registered clients and slow-downs"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SESSION_COLUMNS = (
    ("created_at", sa.Double()),
    ("last_used_at", sa.Double()),
    ("address", sa.String(64)),
    ("user_agent", sa.String(400)),
    ("browser_session", sa.LargeBinary(32)),
)


def upgrade() -> None:
    for name, kind in SESSION_COLUMNS:
        op.add_column("sessions", sa.Column(name, kind))
    op.create_index("ix_sessions_browser_session", "sessions", ["browser_session"])
    op.create_table(
        "authorization_codes",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("sub", sa.String(36), _account("authorization_codes"), nullable=False),
        sa.Column("sid", sa.String(64)),
        sa.Column("redirect_uri", sa.String(2000), nullable=False),
        sa.Column("scopes", sa.String(2000), nullable=False),
        sa.Column("audiences", sa.String(2000), nullable=False),
        sa.Column("nonce", sa.String(1000)),
        sa.Column("code_challenge", sa.String(128), nullable=False),
        sa.Column("methods", sa.String(100), nullable=False),
        sa.Column("auth_time", sa.Double, nullable=False),
        sa.Column("browser_session", sa.LargeBinary(32)),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
    )
    op.create_index("ix_authorization_codes_expires_at", "authorization_codes", ["expires_at"])
    op.create_table(
        "browser_sessions",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("sub", sa.String(36), _account("browser_sessions"), nullable=False),
        sa.Column("methods", sa.String(100), nullable=False),
        sa.Column("auth_time", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
    )
    op.create_index("ix_browser_sessions_sub", "browser_sessions", ["sub"])
    op.create_index("ix_browser_sessions_expires_at", "browser_sessions", ["expires_at"])
    op.create_table(
        "consents",
        sa.Column("sub", sa.String(36), _account("consents"), primary_key=True),
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("scopes", sa.String(2000), nullable=False),
        sa.Column("granted_at", sa.Double, nullable=False),
    )
    op.create_table(
        "device_codes",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("user_code_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scopes", sa.String(2000), nullable=False),
        sa.Column("audiences", sa.String(2000), nullable=False),
        sa.Column("sub", sa.String(36), _account("device_codes")),
        sa.Column("methods", sa.String(100)),
        sa.Column("auth_time", sa.Double),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("interval", sa.Integer, nullable=False),
        sa.Column("next_poll_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.UniqueConstraint("user_code_digest", name="uq_device_codes_user_code"),
    )
    op.create_index("ix_device_codes_expires_at", "device_codes", ["expires_at"])
    op.create_table(
        "one_time_tokens",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("sub", sa.String(36), _account("one_time_tokens")),
        sa.Column("binding_digest", sa.LargeBinary(32)),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
    )
    op.create_index("ix_one_time_tokens_email", "one_time_tokens", ["email", "purpose"])
    op.create_index("ix_one_time_tokens_expires_at", "one_time_tokens", ["expires_at"])
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("event", sa.String(60), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("client_id", sa.String(100)),
        sa.Column("session_id", sa.String(64)),
        sa.Column("address", sa.String(64)),
        sa.Column("request_id", sa.String(128)),
        sa.Column("detail", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.create_index("ix_audit_events_subject", "audit_events", ["subject", "id"])
    op.create_table(
        "registered_clients",
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.String(255)),
        sa.Column("disabled_at", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "slow_downs",
        sa.Column("key_digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_failure_at", sa.Double, nullable=False),
        sa.Column("blocked_until", sa.Double, nullable=False),
    )
    op.create_index("ix_slow_downs_last_failure_at", "slow_downs", ["last_failure_at"])


def downgrade() -> None:
    for table in (
        "slow_downs",
        "registered_clients",
        "audit_events",
        "one_time_tokens",
        "device_codes",
        "consents",
        "browser_sessions",
        "authorization_codes",
    ):
        op.drop_table(table)
    op.drop_index("ix_sessions_browser_session", "sessions")
    for name, _ in reversed(SESSION_COLUMNS):
        op.drop_column("sessions", name)


def _account(table: str) -> sa.ForeignKey:
    return sa.ForeignKey("accounts.sub", ondelete="CASCADE", name=f"fk_{table}_sub")
