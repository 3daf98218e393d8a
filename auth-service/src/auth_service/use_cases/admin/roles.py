"""Administration of roles; every change is recorded in the audit log."""

from dataclasses import dataclass
from typing import Any

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.errors import InvalidRegistration, RowInUse, UnknownRow
from auth_service.domain.oauth.registry import Registry, Role
from auth_service.domain.oauth.registry_rows import parse_role, role_faults
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.admin.access import ADMIN
from auth_service.use_cases.sessions.end_sessions import end_all_sessions


@dataclass(frozen=True, slots=True)
class RoleAdmin:
    """Lists, adds, changes and removes roles. `by` is the subject who does it, None for the operator of this context."""

    store: Store
    now: Clock

    def all(self) -> list[Role]:
        """Return all roles: those of files as they are now, then those added at run time."""
        with self.store.reading() as tx:
            return list(tx.registry.get().roles.values())

    def add(self, name: str, scopes: frozenset[str], by: str | None = None) -> Role:
        """Add a role, which no account has yet. Raise InvalidRegistration or RowInUse."""
        with self.store.transaction() as tx:
            registry = tx.registry.get_for_update()
            role = _valid(registry, name, scopes)
            if name in registry.roles:
                raise RowInUse(f"the role {name} exists already")
            tx.registry.save_role(role, self.now())
            _record(tx, EventType.ROLE_ADDED, by, role=name, scopes=sorted(scopes))
            tx.announce()
        return role

    def set_scopes(self, name: str, scopes: frozenset[str], by: str | None = None) -> Role:
        """Replace the scopes of a role, for all tokens from now on. Raise UnknownRow or InvalidRegistration.

        With the scopes of its file a role follows the file again. Raise RowInUse, and change nothing, if the
        administrator who does it would not be one any more.
        """
        with self.store.transaction() as tx:
            registry = tx.registry.get_for_update()
            before = _known(registry, name)
            role = _valid(registry, name, scopes)
            fixed = tx.registry.fixed.roles.get(name)
            if fixed is not None and fixed.scopes == scopes:
                tx.registry.delete_role(name)
            else:
                tx.registry.save_role(role, self.now())
            _record(
                tx,
                EventType.ROLE_SCOPES_SET,
                by,
                role=name,
                before=sorted(before.scopes),
                after=sorted(scopes),
            )
            tx.announce()
            _check_still_admin(tx, by)
            return tx.registry.get().roles[name]

    def remove(self, name: str, *, force: bool = False, by: str | None = None) -> list[str]:
        """Remove a role; return the ids of the sessions that ended.

        Raise UnknownRow, and RowInUse for one of a file and, unless forced, for one that accounts have. By force it is
        taken from these accounts, and all their sessions end. RowInUse is raised as by `set_scopes`.
        """
        now = self.now()
        with self.store.transaction() as tx:
            _known(tx.registry.get(), name)
            if name in tx.registry.fixed.roles:
                raise RowInUse(f"the role {name} is defined in a file; remove it there")
            found = [account.sub for account in tx.accounts.list_with_role(name)]
            if found and not force:
                raise RowInUse(f"the role {name} is in use; accounts that have it: {len(found)}")
            # Before the registry, as in a log-in.
            accounts = [account for sub in found if (account := tx.accounts.get_for_update(sub))]
            _known(tx.registry.get_for_update(), name)
            tx.registry.delete_role(name)
            _record(tx, EventType.ROLE_REMOVED, by, role=name, accounts=len(accounts))
            tx.announce()
            ended = []
            for account in accounts:
                tx.accounts.set_roles(account.sub, account.roles - {name})
                ended += end_all_sessions(tx, account.sub, EndReason.ROLE_REMOVED, now, by=by)
            _check_still_admin(tx, by)
            return ended


def _known(registry: Registry, name: str) -> Role:
    if name not in registry.roles:
        raise UnknownRow(f"there is no role {name}; the roles are {', '.join(sorted(registry.roles))}")
    return registry.roles[name]


def _check_still_admin(tx: Transaction, by: str | None) -> None:
    account = None if by is None else tx.accounts.get(by)
    if account is not None and ADMIN not in tx.registry.get().scopes_of(account.roles):
        raise RowInUse(f"your own account needs the scope {ADMIN}; an operator's command can take it away")


def _valid(registry: Registry, name: str, scopes: frozenset[str]) -> Role:
    role = parse_role(name, {"scopes": sorted(scopes)})
    faults = role_faults(role, registry)
    if faults:
        raise InvalidRegistration(*faults)
    return role


def _record(tx: Transaction, event: EventType, by: str | None, **facts: Any) -> None:
    tx.audit.record(AuditEvent(event, actor=by, detail=facts))
