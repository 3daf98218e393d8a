"""The part of a unit of work that only security events need."""

from contextlib import AbstractContextManager
from typing import Protocol

from auth_service.domain.audit_log import AuditLog
from auth_service.domain.security_events.event import QueuedEvents
from auth_service.domain.security_events.stream import Streams


class SecurityEventTransaction(Protocol):
    """The repositories of security events, in one unit of work."""

    audit: AuditLog
    queued_events: QueuedEvents
    streams: Streams


class SecurityEventStore(Protocol):
    """Opens transactions with the repositories of security events."""

    def transaction(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read only, without waiting for a writer."""
