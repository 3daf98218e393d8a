"""The registry: the rows of files, read once, and those of the database."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.client_metadata import is_client_id, limited, parse_client
from auth_service.domain.oauth.errors import InvalidRegistration
from auth_service.domain.oauth.registry import Registry
from auth_service.domain.oauth.registry_rows import (
    merged,
    named_audience,
    parse_audience,
    parse_role,
    registry_faults,
)
from auth_service.domain.unit_of_work import Store

R = TypeVar("R")
Parse = Callable[[str, Mapping[str, Any]], R]


@dataclass(frozen=True, slots=True)
class RegistryFiles:
    """The rows of all files."""

    registry: Registry = field(default_factory=Registry)
    clients: tuple[Client, ...] = ()


class FileClients:
    """The domain's `FixedClients`: those of files, in memory."""

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

    def __init__(self, fixed: FileClients, store: Store) -> None:
        self.fixed, self._store = fixed, store

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id, enabled or not, with the audiences and scopes that exist now, or None.

        It is read in the current transaction, if there is one.
        """
        client = self.fixed.get(client_id)
        if client is None and not is_client_id(client_id):
            return None
        with self._store.joining() as tx:
            client = client or tx.clients.get(client_id)
            return None if client is None else limited(client, tx.registry.get())

    def origins(self) -> frozenset[str]:
        """Return the origins of all enabled clients."""
        with self._store.reading() as tx:
            return self.fixed.origins() | tx.clients.list_origins()


def packaged_rows() -> RegistryFiles:
    """Return the rows that come with the service."""
    text = (files("auth_service") / "registry.toml").read_text(encoding="utf-8")
    return read_rows(text, RegistryFiles(), allow_relative=True)


def registry_files(path: Path | None) -> RegistryFiles:
    """Return the packaged rows and those of REGISTRY_FILE; raise InvalidRegistration naming all that is wrong with it.

    The file adds rows, and scopes to roles; it cannot replace an audience or a client.
    """
    packaged = packaged_rows()
    if path is None:
        return packaged
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRegistration(f"the file cannot be read ({type(error).__name__})") from None
    return read_rows(text, packaged)


def read_rows(toml: str, before: RegistryFiles, *, allow_relative: bool = False) -> RegistryFiles:
    """Return the rows of a file, added to those before; raise InvalidRegistration with all faults, each with its row."""
    try:
        document = tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidRegistration(f"is not TOML: {error}") from None
    rows = _Rows(document)
    audiences = rows.parsed("audience", parse_audience, named_audience)
    registry, conflicts = merged(before.registry, audiences, rows.parsed("role", parse_role))

    def parse(client_id: str, table: Mapping[str, Any]) -> Client:
        return parse_client(client_id, table, registry, allow_relative=allow_relative)

    clients = rows.parsed("client", parse)
    taken = {client.client_id for client in before.clients} & {client.client_id for client in clients}
    faults = [*rows.faults, *conflicts, *registry_faults(registry)]
    faults += [f"client {name}: this id is taken" for name in sorted(taken)]
    if faults:
        raise InvalidRegistration(*faults)
    return RegistryFiles(registry, (*before.clients, *clients))


class _Rows:
    """The tables of a file, and the faults found in them so far."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        known = ("audiences", "roles", "clients")
        self.faults = [
            f"{name}: only [audiences.<name>], [roles.<name>] and [clients.<id>] tables are allowed"
            for name in document
            if name not in known
        ]

    def parsed(self, kind: str, parse: Parse[R], instead: Parse[R] | None = None) -> list[R]:
        """Return the rows of one kind; `instead` makes that of a table with faults, so that others can name it."""
        tables, rows = self._document.get(f"{kind}s", {}), []
        if not isinstance(tables, dict):
            self.faults.append(f"{kind}s: must be [{kind}s.<name>] tables")
            return []
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.faults.append(f"{kind} {name}: must be a table")
                continue
            try:
                rows.append(parse(name, table))
            except InvalidRegistration as fault:
                self.faults += [f"{kind} {name}: {one}" for one in fault.faults]
                rows += [instead(name, table)] if instead else []
        return rows
