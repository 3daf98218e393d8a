"""The registered clients: those of files, read once, and those of the database."""

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.client_metadata import is_client_id, parse_client
from auth_service.domain.oauth.errors import InvalidClientMetadata
from auth_service.domain.unit_of_work import Store


class ClientRegistry:
    """The domain's `FixedClients`, in memory."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id, enabled or not, or None."""
        return self._clients.get(client_id)

    def origins(self) -> frozenset[str]:
        """Return the origins of all enabled clients."""
        return frozenset().union(*(client.origins for client in self._clients.values() if client.enabled))

    def all(self) -> list[Client]:
        """Return all clients, ascending by id."""
        return [self._clients[client_id] for client_id in sorted(self._clients)]


class AllClients:
    """The domain's `Clients`: those of the files, whose ids cannot be taken, then the database's."""

    def __init__(self, fixed: ClientRegistry, store: Store) -> None:
        self.fixed, self._store = fixed, store

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id, enabled or not, or None; read in the current transaction, if there is one."""
        client = self.fixed.get(client_id)
        if client is not None or not is_client_id(client_id):
            return client
        with self._store.joining() as tx:
            return tx.clients.get(client_id)

    def origins(self) -> frozenset[str]:
        """Return the origins of all enabled clients."""
        with self._store.reading() as tx:
            return self.fixed.origins() | tx.clients.list_origins()


def packaged_clients() -> list[Client]:
    """Return the clients that come with the service."""
    return read_clients(
        (files("auth_service") / "clients.toml").read_text(encoding="utf-8"), allow_relative=True
    )


def file_clients(path: Path | None) -> list[Client]:
    """Read the clients of CLIENTS_FILE; raise InvalidClientMetadata naming everything that is wrong with it."""
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidClientMetadata(f"the file cannot be read ({type(error).__name__})") from None
    clients = read_clients(text)
    taken = {client.client_id for client in packaged_clients()} & {client.client_id for client in clients}
    if taken:
        raise InvalidClientMetadata(
            *(f"client {name}: is defined by the service itself" for name in sorted(taken))
        )
    return clients


def read_clients(toml: str, *, allow_relative: bool = False) -> list[Client]:
    """Read `[clients.<id>]` tables; raise InvalidClientMetadata with all faults, each naming its client."""
    try:
        document = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise InvalidClientMetadata(f"is not TOML: {error}") from None
    tables = document.pop("clients", {})
    faults = [f"{name}: only [clients.<id>] tables are allowed" for name in document]
    if not isinstance(tables, dict):
        raise InvalidClientMetadata("clients: must be [clients.<id>] tables")
    clients = []
    for client_id, table in tables.items():
        try:
            clients.append(
                parse_client(
                    client_id,
                    table if isinstance(table, dict) else {"": table},
                    allow_relative=allow_relative,
                )
            )
        except InvalidClientMetadata as fault:
            faults += [f"client {client_id}: {one}" for one in fault.faults]
    if faults:
        raise InvalidClientMetadata(*faults)
    return clients
