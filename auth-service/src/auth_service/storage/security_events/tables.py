"""The tables of event streams."""

from sqlalchemy import Double, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.storage.tables import Base, NameTuple


class LongNameTuple(NameTuple):
    """A `NameTuple` of any length."""

    impl = Text
    cache_ok = True


class StreamRow(Base):
    """One stream of one client; `requested` and `delivered` are event types."""

    __tablename__ = "signal_streams"
    __table_args__ = (Index("ix_signal_streams_client", "client_id", "created_at"),)

    stream_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(100))
    method: Mapped[str] = mapped_column(String(40))
    endpoint_url: Mapped[str | None] = mapped_column(String(2000))
    authorization: Mapped[str | None] = mapped_column(String(2000))
    requested: Mapped[tuple[str, ...]] = mapped_column(LongNameTuple)
    delivered: Mapped[tuple[str, ...]] = mapped_column(LongNameTuple)
    description: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[float] = mapped_column(Double)
    verified_at: Mapped[float | None] = mapped_column(Double)


class QueuedEventRow(Base):
    """One queued event of one stream; a process that pushes it has moved `next_try_at` past its lease.

    No foreign key: the end of a session must not wait or fail for it. Events of deleted streams are deleted later.
    """

    __tablename__ = "signals"
    __table_args__ = (
        Index("ix_signals_due", "stream_id", "next_try_at"),
        Index("ix_signals_stream", "stream_id", "created_at"),
    )

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(64))
    txn: Mapped[str] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(200))
    sub: Mapped[str | None] = mapped_column(String(36))
    sid: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Double, index=True)
    attempts: Mapped[int]
    next_try_at: Mapped[float] = mapped_column(Double)
