"""Entries of the audit log."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEntry, AuditQuery
from auth_service.domain.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class AuditLogEntries:
    """Reads the audit log."""

    store: Store

    def __call__(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Return the matching entries, newest first, at most `limit`."""
        with self.store.reading() as tx:
            return tx.audit.list_newest(query, limit)
