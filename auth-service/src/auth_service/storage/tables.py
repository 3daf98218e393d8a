"""The tables. Times are unix seconds with fractions; sets of names are kept as words with spaces between."""

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables share; the migrations compare themselves with its metadata."""


class AccountRow(Base):
    """One account; the address is unique in its normalised form."""

    __tablename__ = "accounts"

    sub: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[float] = mapped_column(Double)
    disabled_at: Mapped[float | None] = mapped_column(Double)
    email_verified_at: Mapped[float | None] = mapped_column(Double)


class SessionRow(Base):
    """One log-in session; list and index are reserved for its revocation bit, never the same for two rows."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("status_list", "status_index", name="uq_sessions_status"),
        Index("ix_sessions_sub", "sub", "ended_at"),
        Index("ix_sessions_client", "client_id", "ended_at"),
        Index("ix_sessions_expires_at", "expires_at"),
    )

    sid: Mapped[str] = mapped_column(String(64), primary_key=True)
    sub: Mapped[str] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE", name="fk_sessions_sub"))
    client_id: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(2000))
    audiences: Mapped[str] = mapped_column(String(2000))
    methods: Mapped[str] = mapped_column(String(100))
    auth_time: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)
    end_reason: Mapped[str | None] = mapped_column(String(40))
    status_list: Mapped[int | None]
    status_index: Mapped[int | None]


class RefreshTokenRow(Base):
    """One refresh token, by its SHA-256; the successor lies sealed under the token that it replaced."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("ix_refresh_tokens_sid", "sid"),
        Index("ix_refresh_tokens_keep_until", "keep_until"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    sid: Mapped[str] = mapped_column(
        ForeignKey("sessions.sid", ondelete="CASCADE", name="fk_refresh_tokens_sid")
    )
    expires_at: Mapped[float] = mapped_column(Double)
    keep_until: Mapped[float] = mapped_column(Double)
    used_at: Mapped[float | None] = mapped_column(Double)
    successor: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))


class AssertionRow(Base):
    """One client assertion that was used, remembered for as long as it could be used again."""

    __tablename__ = "client_assertions"
    __table_args__ = (Index("ix_client_assertions_until", "until"),)

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    jti: Mapped[str] = mapped_column(String(255), primary_key=True)
    until: Mapped[float] = mapped_column(Double)
