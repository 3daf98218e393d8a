"""Administration of audiences; every change is recorded in the audit log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.errors import InvalidRegistration, RowInUse, UnknownRow
from auth_service.domain.oauth.registry import Audience
from auth_service.domain.oauth.registry_rows import merged, parse_audience, registry_faults
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.sessions.end_sessions import end_client_tokens, end_sessions


@dataclass(frozen=True, slots=True)
class AudienceAdmin:
    """Lists, adds and removes audiences. `by` is the subject who does it, None for the operator of this context."""

    store: Store
    now: Clock

    def all(self) -> list[Audience]:
        """Return all audiences: those of files, then those added at run time."""
        with self.store.reading() as tx:
            return list(tx.registry.get().audiences.values())

    def add(self, name: str, scopes: Mapping[str, str] | list[str], by: str | None = None) -> Audience:
        """Add an audience with scopes, which no role has yet. Raise InvalidRegistration or RowInUse."""
        audience = parse_audience(name, {"scopes": scopes})
        with self.store.transaction() as tx:
            before = tx.registry.get_for_update()
            if name in before.audiences:
                raise RowInUse(f"the audience {name} exists already")
            faults = registry_faults(merged(before, [audience], ())[0])
            if faults:
                raise InvalidRegistration(*(fault.removeprefix(f"audience {name}: ") for fault in faults))
            tx.registry.save_audience(audience, self.now())
            _record(tx, EventType.AUDIENCE_ADDED, by, audience=name, scopes=sorted(scopes))
            tx.announce()
        return audience

    def remove(self, name: str, *, force: bool = False, by: str | None = None) -> list[str]:
        """Remove an audience and its scopes; return the ids of the sessions that ended.

        Raise UnknownRow, and RowInUse for one of a file and, unless forced, for one that roles, clients or sessions
        use. By force it is taken from roles and clients, and the sessions whose tokens may name it end,
        with the own tokens of these clients.
        """
        now = self.now()
        with self.store.transaction() as tx:
            before = tx.registry.get_for_update()
            if name not in before.audiences:
                raise UnknownRow(f"there is no audience {name}")
            if name in tx.registry.fixed.audiences:
                raise RowInUse(f"the audience {name} is defined in a file; remove it there")
            audience = before.audiences[name]
            sessions = tx.sessions.list_active_of_audience(name, now)
            uses = [*_roles(tx, audience), *_clients(tx, audience)]
            uses += [f"active sessions: {len(sessions)}"] if sessions else []
            if uses and not force:
                raise RowInUse(f"the audience {name} is in use; {', '.join(uses)}")
            _take_from_roles(tx, audience, now)
            for client in _take_from_clients(tx, audience):
                end_client_tokens(tx, client.client_id, EndReason.AUDIENCE_REMOVED, now, by=by)
            tx.registry.delete_audience(name)
            _record(tx, EventType.AUDIENCE_REMOVED, by, audience=name)
            tx.announce()
            sids = [session.sid for session in sessions]
            return end_sessions(tx, sids, EndReason.AUDIENCE_REMOVED, now, by=by)


def _roles(tx: Transaction, audience: Audience) -> list[str]:
    roles = tx.registry.get().roles.values()
    return [f"role {role.name}" for role in roles if role.scopes & audience.scopes.keys()]


def _take_from_roles(tx: Transaction, audience: Audience, at: float) -> None:
    for role in tx.registry.get().roles.values():
        if role.scopes & audience.scopes.keys():
            left = replace(role, scopes=role.scopes.difference(audience.scopes))
            if left == tx.registry.fixed.roles.get(role.name):  # it follows its file again
                tx.registry.delete_role(role.name)
            else:
                tx.registry.save_role(left, at)


def _clients(tx: Transaction, audience: Audience) -> list[str]:
    names = audience.scopes.keys() | {audience.name}
    return [
        f"client {client.client_id}"
        for client in tx.clients.list_all()
        if names & (client.audiences | client.serves | client.scopes | client.own_scopes)
    ]


def _take_from_clients(tx: Transaction, audience: Audience) -> Iterator[Client]:
    """Take the audience from the clients that were registered at run time; yield each that had it."""
    for client in tx.clients.list_all():
        left = replace(
            client,
            audiences=client.audiences - {audience.name},
            serves=client.serves - {audience.name},
            scopes=client.scopes.difference(audience.scopes),
            own_scopes=client.own_scopes.difference(audience.scopes),
        )
        if left != client:
            tx.clients.replace(left)
            yield client


def _record(tx: Transaction, event: EventType, by: str | None, **facts: Any) -> None:
    tx.audit.record(AuditEvent(event, actor=by, detail=facts))
