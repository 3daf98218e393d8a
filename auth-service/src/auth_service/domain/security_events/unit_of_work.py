"""The part of a unit of work that only security events need."""

from contextlib import AbstractContextManager
from typing import Protocol

from auth_service.domain.audit_log import AuditLog
from auth_service.domain.security_events.event import QueuedEvents
from auth_service.domain.security_events.stream import Streams


class SecurityEventTransaction(Protocol):
    """The repositories of security events, in one unit of work."""

    @property
    def audit(self) -> AuditLog:
        """The audit log."""

    @property
    def queued_events(self) -> QueuedEvents:
        """The events that wait to be delivered."""

    @property
    def streams(self) -> Streams:
        """The event streams."""


class SecurityEventStore(Protocol):
    """Opens transactions with the repositories of security events."""

    def transaction(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read only, without waiting for a writer."""
