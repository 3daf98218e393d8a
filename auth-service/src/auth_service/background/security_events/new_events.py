"""The outbox as the watcher sees it."""

from auth_service.domain.security_events.unit_of_work import SecurityEventStore


class NewEventMarker:
    """Another version whenever another signal is the newest: so the couriers of each process, and who polls, look at once."""

    def __init__(self, store: SecurityEventStore) -> None:
        self._store = store
        self._newest: str | None = None

    def refresh(self) -> None:
        """Look which it is; raise what the database raises."""
        with self._store.reading() as tx:
            self._newest = tx.queued_events.newest_id()

    def version(self) -> str | None:
        """Name it."""
        return self._newest
