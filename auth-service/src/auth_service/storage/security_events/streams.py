"""Event streams in the database."""

from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.security_events.stream import DeliveryMethod, Stream, StreamStatus
from auth_service.storage.security_events.tables import QueuedEventRow, StreamRow
from auth_service.storage.tables import record_of, values_of


class SqlStreams:
    """The domain's `Streams`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, stream: Stream) -> None:
        self._db.execute(insert(StreamRow).values(**_values(stream)))

    def get(self, stream_id: str) -> Stream | None:
        return next(iter(self._found(StreamRow.stream_id == stream_id)), None)

    def list_for_update(self, client_id: str) -> list[Stream]:
        # not the rows: there may be none yet, and their number is bounded. SQLite has one writer at a time
        if self._db.get_bind().dialect.name == "postgresql":
            self._db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"streams of {client_id}"))))
        return self.list_of_client(client_id)

    def list_of_client(self, client_id: str) -> list[Stream]:
        return self._found(StreamRow.client_id == client_id)

    def list_all(self) -> list[Stream]:
        return self._found()

    def list_due(self, now: float) -> list[Stream]:
        waits = select(QueuedEventRow.jti).where(
            QueuedEventRow.stream_id == StreamRow.stream_id, QueuedEventRow.next_try_at <= now
        )
        enabled = StreamRow.status == StreamStatus.ENABLED.value
        return self._found(StreamRow.method == DeliveryMethod.PUSH.value, enabled, waits.exists())

    def replace(self, stream: Stream) -> None:
        changed = update(StreamRow).where(StreamRow.stream_id == stream.stream_id)
        self._db.execute(changed.values(**_values(stream)))

    def delete(self, stream_id: str) -> None:
        self._db.execute(delete(StreamRow).where(StreamRow.stream_id == stream_id))

    def _found(self, *which: ColumnElement[bool]) -> list[Stream]:
        rows = select(StreamRow).where(*which).order_by(StreamRow.created_at, StreamRow.stream_id)
        return [record_of(Stream, row) for row in self._db.scalars(rows)]


def _values(stream: Stream) -> dict[str, Any]:
    values = values_of(stream) | {"method": str(stream.method), "status": str(stream.status)}
    return values | {"delivered": stream.delivered}
