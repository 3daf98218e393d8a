"""The tables, and how records are kept in them. Times are Unix seconds with fractions."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


class NameTuple(TypeDecorator[tuple[str, ...]]):
    """Names in their order, kept as one text with spaces between."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return the text."""
        return None if value is None else " ".join(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002 - the same
        """Return the names, none for NULL."""
        return tuple((value or "").split())


class NameSet(TypeDecorator[frozenset[str]]):
    """Names without an order, kept as one sorted text with spaces between."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: frozenset[str] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the same
        """Return the text."""
        return None if value is None else " ".join(sorted(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[str]:  # noqa: ARG002 - the same
        """Return the names, none for NULL."""
        return frozenset((value or "").split())


class LongNameSet(NameSet):
    """A `NameSet` of any length."""

    impl = Text
    cache_ok = True


def values_of(record: "DataclassInstance") -> dict[str, Any]:
    """Return the fields of a record, by the names of their columns."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def record_of(kind: type[R], row: Any, **others: object) -> R:
    """Return the record of a row, whose columns have the names of its fields; `others` are fields without a column."""
    return kind(
        **{field.name: getattr(row, field.name) for field in fields(kind) if field.name not in others},
        **others,
    )


class Base(DeclarativeBase):
    """The base of all tables; a test compares its metadata with the migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
        }
    )


class AccountRow(Base):
    """One account; the address is unique in its normalised form."""

    __tablename__ = "accounts"

    sub: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[frozenset[str]] = mapped_column(NameSet(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[float] = mapped_column(Double)
    disabled_at: Mapped[float | None] = mapped_column(Double)
    email_verified_at: Mapped[float | None] = mapped_column(Double)


class SessionRow(Base):
    """One log-in session; list and index are its revocation bit, unique among all rows.

    `tokens_until` is set while the bit is to be given back some day without the session's having been ended.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("status_list", "status_index", name="uq_sessions_status"),
        Index("ix_sessions_sub", "sub", "ended_at"),
        Index("ix_sessions_client", "client_id", "ended_at"),
    )

    sid: Mapped[str] = mapped_column(String(64), primary_key=True)
    sub: Mapped[str] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[frozenset[str]] = mapped_column(NameSet(2000))
    requested: Mapped[frozenset[str]] = mapped_column(LongNameSet, server_default="")
    audiences: Mapped[tuple[str, ...]] = mapped_column(NameTuple(2000))
    methods: Mapped[tuple[str, ...]] = mapped_column(NameTuple(100))
    auth_time: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float] = mapped_column(Double, index=True)
    ended_at: Mapped[float | None] = mapped_column(Double)
    end_reason: Mapped[str | None] = mapped_column(String(40))
    status_list: Mapped[int | None]
    status_index: Mapped[int | None]
    created_at: Mapped[float | None] = mapped_column(Double)
    last_used_at: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(400))
    browser_session: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    tokens_until: Mapped[float | None] = mapped_column(Double, index=True)


class StatusListRow(Base):
    """One list of revocation bits; lists are numbered from 1 and never closed."""

    __tablename__ = "status_lists"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    opened_at: Mapped[float] = mapped_column(Double)


class ClientStatusRow(Base):
    """The revocation bit of a client's own tokens."""

    __tablename__ = "client_statuses"
    __table_args__ = (UniqueConstraint("status_list", "status_index", name="uq_client_statuses_status"),)

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    status_list: Mapped[int]
    status_index: Mapped[int]


class RevocationRow(Base):
    """One bit that is set, or cleared and not reusable yet; `change` numbers the change.

    `until` is when a set bit is cleared, and a cleared one given back.
    """

    __tablename__ = "revocations"

    status_list: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revoked: Mapped[bool]
    change: Mapped[int] = mapped_column(BigInteger, index=True)
    until: Mapped[float] = mapped_column(Double, index=True)


class RefreshTokenRow(Base):
    """One refresh token, by its SHA-256; `sealed` is the successor, encrypted with this token."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    sid: Mapped[str] = mapped_column(ForeignKey("sessions.sid", ondelete="CASCADE"), index=True)
    expires_at: Mapped[float] = mapped_column(Double)
    keep_until: Mapped[float] = mapped_column(Double, index=True)
    used_at: Mapped[float | None] = mapped_column(Double)
    successor: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))


class UsedAssertionRow(Base):
    """One used client assertion, kept until it expires."""

    __tablename__ = "client_assertions"

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    jti: Mapped[str] = mapped_column(String(255), primary_key=True)
    until: Mapped[float] = mapped_column(Double, index=True)


class AuthorizationCodeRow(Base):
    """One authorization code, by its SHA-256; `sid` is the session that its use opened."""

    __tablename__ = "authorization_codes"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(100))
    sub: Mapped[str] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"))
    sid: Mapped[str | None] = mapped_column(String(64))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    scopes: Mapped[frozenset[str]] = mapped_column(NameSet(2000))
    requested: Mapped[frozenset[str]] = mapped_column(LongNameSet, server_default="")
    audiences: Mapped[tuple[str, ...]] = mapped_column(NameTuple(2000))
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str] = mapped_column(String(128))
    methods: Mapped[tuple[str, ...]] = mapped_column(NameTuple(100))
    auth_time: Mapped[float] = mapped_column(Double)
    browser_session: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    expires_at: Mapped[float] = mapped_column(Double, index=True)
    used_at: Mapped[float | None] = mapped_column(Double)


class BrowserSessionRow(Base):
    """One session at auth-service's own pages, by the SHA-256 of the browser's cookie."""

    __tablename__ = "browser_sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    sub: Mapped[str] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"), index=True)
    methods: Mapped[tuple[str, ...]] = mapped_column(NameTuple(100))
    auth_time: Mapped[float] = mapped_column(Double)
    created_at: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float] = mapped_column(Double, index=True)
    ended_at: Mapped[float | None] = mapped_column(Double)


class ConsentRow(Base):
    """The scopes that a user has allowed a third-party client."""

    __tablename__ = "consents"

    sub: Mapped[str] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    scopes: Mapped[frozenset[str]] = mapped_column(NameSet(2000))
    granted_at: Mapped[float] = mapped_column(Double)


class DeviceCodeRow(Base):
    """One device authorization (RFC 8628); `status` is pending, approved, denied or used."""

    __tablename__ = "device_codes"
    __table_args__ = (UniqueConstraint("user_code_digest", name="uq_device_codes_user_code"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_code_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    client_id: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[frozenset[str]] = mapped_column(NameSet(2000))
    audiences: Mapped[tuple[str, ...]] = mapped_column(NameTuple(2000))
    sub: Mapped[str | None] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"))
    methods: Mapped[tuple[str, ...] | None] = mapped_column(NameTuple(100))
    auth_time: Mapped[float | None] = mapped_column(Double)
    status: Mapped[str] = mapped_column(String(20))
    next_poll_at: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float] = mapped_column(Double, index=True)


class HintKeyRow(Base):
    """The public half of a signing key that was removed, in DER; it verifies only hints."""

    __tablename__ = "hint_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    keep_until: Mapped[float] = mapped_column(Double, index=True)


class OneTimeTokenRow(Base):
    """A mailed token or code, by its SHA-256; `purpose` is its use."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index("ix_one_time_tokens_email", "email", "purpose"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(320))
    sub: Mapped[str | None] = mapped_column(ForeignKey("accounts.sub", ondelete="CASCADE"))
    binding_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    tries_left: Mapped[int]
    expires_at: Mapped[float] = mapped_column(Double, index=True)
    used_at: Mapped[float | None] = mapped_column(Double)


class AuditEventRow(Base):
    """One entry of the audit log; rows are never changed, and no number is reused."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "subject", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[float] = mapped_column(Double, index=True)
    event: Mapped[str] = mapped_column(String(60))
    outcome: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    client_id: Mapped[str | None] = mapped_column(String(100))
    session_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(128))
    detail: Mapped[str | None] = mapped_column(Text)


class RegisteredClientRow(Base):
    """A client registered at run time; `definition` is the rest of its metadata as JSON, as in registry.toml."""

    __tablename__ = "registered_clients"

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    definition: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[str | None] = mapped_column(String(255))
    origins: Mapped[frozenset[str]] = mapped_column(LongNameSet, server_default="")
    disabled_at: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[float] = mapped_column(Double)


class RegistryRow(Base):
    """An audience or role that was added or changed at run time; `definition` is its table as JSON."""

    __tablename__ = "registry_rows"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    definition: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Double)


class FailedLoginRow(Base):
    """Failed log-ins of one account or one address, by the SHA-256 of its name."""

    __tablename__ = "slow_downs"

    key_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    last_failure_at: Mapped[float] = mapped_column(Double, index=True)
    blocked_until: Mapped[float] = mapped_column(Double)
