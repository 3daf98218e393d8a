"""The part of a unit of work that only security events need."""

from contextlib import AbstractContextManager
from typing import Protocol

from auth_service.domain.security_events.event import QueuedEvents
from auth_service.domain.security_events.stream import Streams
from auth_service.domain.unit_of_work import Transaction


class SecurityEventTransaction(Transaction, Protocol):
    """A transaction with the repositories of security events."""

    @property
    def queued_events(self) -> QueuedEvents:
        """The events that wait to be delivered."""

    @property
    def streams(self) -> Streams:
        """The event streams."""


class SecurityEventStore(Protocol):
    """Opens transactions that hold security events too, as `Store` does."""

    def transaction(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[SecurityEventTransaction]:
        """Read only, without waiting for a writer."""
