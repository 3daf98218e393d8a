"""Administration of clients; every change is recorded in the audit log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Client, FixedClients, hash_secret
from auth_service.domain.oauth.client_metadata import (
    check_client,
    client_table,
    limited,
    parse_client,
)
from auth_service.domain.oauth.errors import InvalidClientMetadata, UnknownClient
from auth_service.domain.opaque_tokens import new_token
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_client

SaveKey = Callable[[], None]


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client and its new secret, which cannot be read again."""

    client: Client
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientAdmin:
    """Lists, registers and changes clients. `by` is the subject who does it, None for the operator of this context.

    Those from files are read-only: changing one raises InvalidClientMetadata.
    """

    store: Store
    fixed: FixedClients
    now: Clock

    def all(self) -> list[Client]:
        """Return every client, ascending by id."""
        with self.store.reading() as tx:
            kept = {client.client_id: client for client in tx.clients.list_all()}
        kept |= {client.client_id: client for client in self.fixed.all()}
        return [kept[client_id] for client_id in sorted(kept)]

    def get(self, client_id: str) -> Client:
        """Return the client with this id; raise UnknownClient."""
        client = self.fixed.get(client_id)
        if client is None:
            with self.store.reading() as tx:
                client = tx.clients.get(client_id)
        return _there(client)

    def register(
        self,
        client_id: str,
        table: Mapping[str, Any],
        *,
        with_secret: bool = False,
        save_key: SaveKey | None = None,
        by: str | None = None,
    ) -> NewClient:
        """Store a new client, and its public key by `save_key`, or neither.

        A confidential client without a secret uses `private_key_jwt`. Raise InvalidClientMetadata, and what `save_key`
        raises.
        """
        secret = new_token() if with_secret else None
        with self.store.transaction() as tx:
            client = parse_client(client_id, table, tx.registry.get_locked())
            if with_secret and not client.confidential:
                raise InvalidClientMetadata("secret: a public client cannot have a secret")
            _check_key(client, save_key)
            if self.fixed.get(client_id) is not None:
                raise InvalidClientMetadata("client_id: is already used by a client defined in a file")
            client = replace(client, secret_hash=hash_secret(secret) if secret else None)
            if not tx.clients.add(client, self.now()):
                raise InvalidClientMetadata("client_id: is already used")
            _record(tx, EventType.CLIENT_REGISTERED, client, by, **client_table(client))
            if save_key is not None:
                save_key()
        return NewClient(client, secret)

    def update(
        self,
        client_id: str,
        changes: Mapping[str, Any],
        *,
        save_key: SaveKey | None = None,
        by: str | None = None,
    ) -> Client:
        """Replace members of a client's metadata, and its public key by `save_key`, or neither.

        Open sessions narrow to it at their next refresh. Raise UnknownClient, InvalidClientMetadata, and what `save_key`
        raises.
        """
        if "confidential" in changes or "secret_hash" in changes or "enabled" in changes:
            raise InvalidClientMetadata("confidential, secret_hash and enabled: cannot be changed this way")
        with self.store.transaction() as tx:
            registry = tx.registry.get_locked()  # before the client, as all who lock both
            before = self._own(tx, client_id)
            kept = limited(before, registry, keep_every=True)
            changed = parse_client(client_id, {**client_table(kept), **changes}, registry)
            client = replace(changed, secret_hash=before.secret_hash, enabled=before.enabled)
            check_client(client, registry)
            _check_key(client, save_key)
            tx.clients.replace(client)
            _record(
                tx,
                EventType.CLIENT_CHANGED,
                client,
                by,
                **{name: client_table(client).get(name) for name in changes},
            )
            if save_key is not None:
                save_key()
        return client

    def disable(self, client_id: str, by: str | None = None) -> list[str]:
        """Disable a client and end its sessions; return their ids. Raise UnknownClient or InvalidClientMetadata."""
        now = self.now()
        with self.store.transaction() as tx:
            client = self._own(tx, client_id)
            if client.enabled:
                tx.clients.set_disabled(client_id, now)
                _record(tx, EventType.CLIENT_DISABLED, client, by)
            return end_sessions_of_client(tx, client_id, now, by=by)

    def enable(self, client_id: str, by: str | None = None) -> None:
        """Enable a client; its ended sessions stay ended. Raise UnknownClient or InvalidClientMetadata."""
        with self.store.transaction() as tx:
            client = self._own(tx, client_id)
            if not client.enabled:
                tx.clients.set_disabled(client_id, None)
                _record(tx, EventType.CLIENT_ENABLED, client, by)

    def rotate_secret(self, client_id: str, by: str | None = None) -> NewClient:
        """Replace the secret of a client, at once. Raise UnknownClient, or InvalidClientMetadata if it has none."""
        secret = new_token()
        with self.store.transaction() as tx:
            before = self._own(tx, client_id)
            if before.secret_hash is None:
                raise InvalidClientMetadata("secret: this client has no secret")
            client = replace(before, secret_hash=hash_secret(secret))
            tx.clients.replace(client)
            _record(tx, EventType.CLIENT_SECRET_ROTATED, client, by)
        return NewClient(client, secret)

    def end_sessions_of_disabled(self) -> None:
        """End the sessions of clients that are disabled in their file."""
        disabled = [client.client_id for client in self.fixed.all() if not client.enabled]
        if disabled:
            with self.store.transaction() as tx:
                for client_id in disabled:
                    end_sessions_of_client(tx, client_id, self.now())

    def _own(self, tx: Transaction, client_id: str) -> Client:
        if self.fixed.get(client_id) is not None:
            raise InvalidClientMetadata("client_id: this client is defined in a file; change it there")
        return _there(tx.clients.get_for_update(client_id))


def _there(client: Client | None) -> Client:
    if client is None:
        raise UnknownClient("no client has this id")
    return client


def _check_key(client: Client, save_key: SaveKey | None) -> None:
    if save_key is not None and not client.confidential:
        raise InvalidClientMetadata("public key: a public client cannot have a key")


def _record(tx: Transaction, event: EventType, client: Client, by: str | None, **facts: object) -> None:
    tx.audit.record(AuditEvent(event, actor=by, client_id=client.client_id, detail=facts))
