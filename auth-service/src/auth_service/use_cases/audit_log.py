"""Audit entries that no other change comes with."""

from auth_service.domain.audit_log import AuditEvent
from auth_service.domain.unit_of_work import Store


def record_event(store: Store, event: AuditEvent) -> None:
    """Record an event, most often a refusal, in a transaction of its own."""
    with store.transaction() as tx:
        tx.audit.record(event)
