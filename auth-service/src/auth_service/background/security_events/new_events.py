"""New queued events, for the change watcher."""

from auth_service.domain.security_events.unit_of_work import SecurityEventStore


class NewEventMarker:
    """A `Watched` whose version changes with the newest event, so that pushes and polls of all processes react at once."""

    def __init__(self, store: SecurityEventStore) -> None:
        self._store = store
        self._newest: str | None = None

    def refresh(self) -> None:
        """Read the newest event's id; exceptions of the database pass through."""
        with self._store.reading() as tx:
            self._newest = tx.queued_events.newest_id()

    def version(self) -> str | None:
        """Return its id."""
        return self._newest
