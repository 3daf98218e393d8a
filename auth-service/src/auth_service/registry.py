"""The registered clients: read once from the packaged clients.toml into the domain's Clients."""

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from auth_service.domain.clients import Client


class ClientRegistry:
    """The domain's Clients, in memory."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        """Find by its id, whether enabled or not."""
        return self._clients.get(client_id)


def packaged_clients() -> list[Client]:
    """Read the clients that come with the service."""
    return read_clients((files("auth_service") / "clients.toml").read_text(encoding="utf-8"))


def read_clients(toml: str) -> list[Client]:
    """Read ``[clients.<id>]`` tables; raises ValueError naming the client whose table is wrong."""
    return [_client(client_id, table) for client_id, table in tomllib.loads(toml)["clients"].items()]


def _client(client_id: str, table: dict[str, Any]) -> Client:
    names = ("grants", "audiences", "scopes", "own_scopes", "serves")
    lists: dict[str, Any] = {name: frozenset(table.pop(name, ())) for name in names}
    try:
        return Client(
            client_id=client_id,
            redirect_uris=tuple(table.pop("redirect_uris", ())),
            post_logout_redirect_uris=tuple(table.pop("post_logout_redirect_uris", ())),
            **lists,
            **table,
        )
    except TypeError as error:
        raise ValueError(f"client {client_id}: {error}") from None
