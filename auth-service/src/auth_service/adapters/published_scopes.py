"""The scopes of the issuer's metadata, which are served while the database is down."""

from auth_service.domain.unit_of_work import Store


class PublishedScopes:
    """All scopes of the registry, as last read from the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.refresh()

    def refresh(self) -> None:
        """Read the registry; errors of the database pass through."""
        with self._store.reading() as tx:
            self._scopes = tx.registry.get().supported

    def version(self) -> frozenset[str]:
        """Return the scopes."""
        return self._scopes

    __call__ = version
