"""Queued events in the database, stored in the transaction of the change that they report."""

import json
from collections.abc import Callable, Collection
from dataclasses import replace

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.clock import Clock
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.security_events.event import KEEP_SECONDS, MAX_QUEUED, Event, QueueDepth, QueuedEvent
from auth_service.domain.security_events.stream import StreamStatus
from auth_service.storage.dialects import affected
from auth_service.storage.security_events.tables import QueuedEventRow, StreamRow
from auth_service.storage.tables import Base, record_of, values_of

DROPPED_AT_ONCE = 5000
# compiled once and without the ORM: they run whenever a session ends
_STREAMS = Base.metadata.tables["signal_streams"]
_LISTENING = select(_STREAMS.c.stream_id, _STREAMS.c.delivered).where(
    _STREAMS.c.status != StreamStatus.DISABLED.value
)
_ADD = insert(Base.metadata.tables["signals"]).inline()


class SqlQueuedEvents:
    """The domain's `QueuedEvents`, inside one transaction; `announce` is called if any event was added."""

    def __init__(self, db: Db, now: Clock, announce: Callable[[], None]) -> None:
        self._db, self._now, self._announce = db, now, announce
        self._txn: str | None = None

    def add_to_streams(self, *events: Event) -> None:
        listening = self._db.connection().execute(_LISTENING).all()
        txn, now = self._txn or new_id(), self._now()
        signals = [
            QueuedEvent(new_id(), stream_id, txn, event.event, event.body, now, event.sub, event.sid)
            for stream_id, requested in listening
            for event in events
            if event.event in requested
        ]
        if signals:
            self._txn = txn
            self._keep(signals)

    def add(self, signal: QueuedEvent) -> None:
        self._keep([signal])

    def list_oldest(self, stream_id: str, limit: int) -> list[QueuedEvent]:
        return self._found(
            select(QueuedEventRow)
            .where(QueuedEventRow.stream_id == stream_id)
            .order_by(QueuedEventRow.created_at),
            limit,
        )

    def claim(self, stream_id: str, now: float, until: float, limit: int) -> list[QueuedEvent]:
        # SQLite has no row locks and needs none: it has one writer at a time
        due = select(QueuedEventRow).where(
            QueuedEventRow.stream_id == stream_id, QueuedEventRow.next_try_at <= now
        )
        found = self._found(due.order_by(QueuedEventRow.next_try_at).with_for_update(skip_locked=True), limit)
        claimed = update(QueuedEventRow).where(QueuedEventRow.jti.in_([signal.jti for signal in found]))
        self._db.execute(claimed.values(next_try_at=until, attempts=QueuedEventRow.attempts + 1))
        return [replace(signal, attempts=signal.attempts + 1) for signal in found]

    def postpone(self, signal: QueuedEvent, until: float) -> bool:
        mine = update(QueuedEventRow).where(
            QueuedEventRow.jti == signal.jti, QueuedEventRow.attempts == signal.attempts
        )
        return affected(self._db, mine.values(next_try_at=until)) == 1

    def delete(self, stream_id: str, jtis: Collection[str]) -> int:
        return self._removed(QueuedEventRow.stream_id == stream_id, QueuedEventRow.jti.in_(jtis))

    def delete_all(self, stream_id: str) -> int:
        return self._removed(QueuedEventRow.stream_id == stream_id)

    def delete_stale(self, now: float) -> int:
        known = select(StreamRow.stream_id)
        gone = self._dropped(QueuedEventRow.created_at < now - KEEP_SECONDS)
        gone += self._dropped(QueuedEventRow.stream_id.not_in(known))
        counts = (
            select(QueuedEventRow.stream_id)
            .group_by(QueuedEventRow.stream_id)
            .having(func.count() > MAX_QUEUED)
        )
        for stream_id in list(self._db.scalars(counts)):
            one = select(QueuedEventRow.created_at).where(QueuedEventRow.stream_id == stream_id)
            oldest = self._db.scalar(
                one.order_by(QueuedEventRow.created_at.desc()).offset(MAX_QUEUED).limit(1)
            )
            if oldest is not None:
                gone += self._dropped(
                    QueuedEventRow.stream_id == stream_id, QueuedEventRow.created_at <= oldest
                )
        return gone

    def newest_id(self) -> str | None:
        return self._db.scalar(select(QueuedEventRow.jti).order_by(QueuedEventRow.created_at.desc()).limit(1))

    def depths(self, now: float) -> list[QueueDepth]:
        counted = (
            select(StreamRow.method, func.count(), func.min(QueuedEventRow.created_at))
            .join(QueuedEventRow, QueuedEventRow.stream_id == StreamRow.stream_id)
            .group_by(StreamRow.method)
        )
        return [
            QueueDepth(method, number, now - oldest) for method, number, oldest in self._db.execute(counted)
        ]

    def _keep(self, signals: list[QueuedEvent]) -> None:
        self._db.connection().execute(_ADD, [_values(signal) for signal in signals])
        self._announce()

    def _found(self, rows: Select[QueuedEventRow], limit: int) -> list[QueuedEvent]:
        found = self._db.scalars(rows.limit(limit))
        return [record_of(QueuedEvent, row, body=json.loads(row.body)) for row in found]

    def _dropped(self, *which: ColumnElement[bool]) -> int:
        """Delete a bounded number of rows that no other process has locked, and return the number."""
        some = (
            select(QueuedEventRow.jti).where(*which).limit(DROPPED_AT_ONCE).with_for_update(skip_locked=True)
        )
        return self._removed(QueuedEventRow.jti.in_(some))

    def _removed(self, *which: ColumnElement[bool]) -> int:
        return affected(self._db, delete(QueuedEventRow).where(*which))


def _values(signal: QueuedEvent) -> dict[str, object]:
    body = json.dumps(signal.body, sort_keys=True)
    return {**values_of(signal), "body": body, "next_try_at": signal.created_at}
