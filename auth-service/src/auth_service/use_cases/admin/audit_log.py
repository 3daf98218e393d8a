"""TODO."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEntry, AuditQuery
from auth_service.domain.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class AuditLogEntries:
    """Reads the log."""

    store: Store

    def __call__(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Return the newest entries that are wanted, newest first."""
        with self.store.reading() as tx:
            return tx.audit.list_newest(query, limit)
