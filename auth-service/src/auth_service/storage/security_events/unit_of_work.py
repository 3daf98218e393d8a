"""Transactions with the repositories of security events."""

from collections.abc import Iterator
from contextlib import contextmanager

from auth_service.domain.security_events.unit_of_work import SecurityEventTransaction
from auth_service.storage.security_events.events import SqlQueuedEvents
from auth_service.storage.security_events.streams import SqlStreams
from auth_service.storage.unit_of_work import SqlStore, SqlTransaction


class SqlSecurityEventTransaction(SecurityEventTransaction):
    """The domain's `SecurityEventTransaction`, inside a transaction of the store."""

    def __init__(self, tx: SqlTransaction) -> None:
        self.audit = tx.audit
        self.queued_events = SqlQueuedEvents(tx.db, tx.now, tx.announce)
        self.streams = SqlStreams(tx.db)


class SqlSecurityEventStore:
    """The domain's `SecurityEventStore`, over the same database as the store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    @contextmanager
    def transaction(self) -> Iterator[SqlSecurityEventTransaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""
        with self._store.transaction() as tx:
            yield SqlSecurityEventTransaction(tx)

    @contextmanager
    def reading(self) -> Iterator[SqlSecurityEventTransaction]:
        """Read one consistent view, without waiting for a writer."""
        with self._store.reading() as tx:
            yield SqlSecurityEventTransaction(tx)
