"""The audit log in the database: rows are added and read; the database refuses changes of them."""

import json

from sqlalchemy import insert, select
from sqlalchemy.orm import Session as Db

from auth_service.domain.audit_log import AuditEntry, AuditEvent, AuditQuery
from auth_service.domain.clock import Clock
from auth_service.domain.request_context import current_origin
from auth_service.storage.tables import AuditEventRow, Base, record_of, values_of

# compiled once and without the ORM: it runs twice in every log-in
_ADD = insert(Base.metadata.tables["audit_events"]).inline()


class SqlAuditLog:
    """The domain's `AuditLog`, inside one transaction."""

    def __init__(self, db: Db, now: Clock) -> None:
        self._db, self._now = db, now

    def record(self, *events: AuditEvent) -> None:
        now, origin = self._now(), current_origin()
        rows = [
            {
                **values_of(event),
                "at": now,
                "event": str(event.event),
                "actor": event.actor or origin.operator,
                "address": origin.address,
                "request_id": origin.request_id,
                "detail": json.dumps(event.detail, sort_keys=True) if event.detail else None,
            }
            for event in events
        ]
        self._db.connection().execute(_ADD, rows)

    def list_newest(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        wanted = select(AuditEventRow).order_by(AuditEventRow.id.desc()).limit(limit)
        if query.before is not None:
            wanted = wanted.where(AuditEventRow.id < query.before)
        if query.since is not None:
            wanted = wanted.where(AuditEventRow.at >= query.since)
        if query.event is not None:
            wanted = wanted.where(AuditEventRow.event == query.event)
        return [
            record_of(AuditEntry, row, detail=json.loads(row.detail) if row.detail else {})
            for row in self._db.scalars(wanted)
        ]
