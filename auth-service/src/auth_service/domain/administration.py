"""Administration: who may, and what accounts and sessions can be made to do, each act with a line in the audit log."""

from dataclasses import dataclass

from auth_service.domain.accounts import Account, check_name, normalise_email
from auth_service.domain.audit import REFUSED, AuditEntry, AuditEvent, AuditQuery, Event, record_alone
from auth_service.domain.client_admin import ClientAdmin, FixedClients
from auth_service.domain.errors import (
    AddressTaken,
    InvalidName,
    MissingScope,
    NotWhileYou,
    SessionOver,
    UnknownAccount,
    UnknownSession,
)
from auth_service.domain.grants import ROLE_SCOPES, account_scopes
from auth_service.domain.key_admin import KeyAdmin
from auth_service.domain.keys import KeyStore
from auth_service.domain.passwords import PasswordHasher, check_new_password
from auth_service.domain.sessions import EndReason, Session, end_all_sessions, end_session, live_session
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock, new_subject

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Admit:
    """Lets those through who administer *now*: a token says only what was so when it was made."""

    store: Store
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> None:
        """Raise SessionOver or MissingScope unless the session lives and its account still has the right.

        What a database that is away raises passes through: without it nobody administers.
        """
        with self.store.reading() as tx:
            live_session(tx, sub, sid, self.now())
            account = tx.accounts.get(sub)
        if account is None or account.disabled:
            raise SessionOver("this account cannot be used")
        if ADMIN not in account_scopes(account) or account.email_verified_at is None:
            record_alone(
                self.store, AuditEvent(Event.ADMIN_REFUSED, REFUSED, actor=sub, subject=sub, session_id=sid)
            )
            raise MissingScope(ADMIN)


@dataclass(frozen=True, slots=True)
class AccountAdmin:
    """What can be done to accounts. ``by`` is who does it: a subject, or None for the operator of this context."""

    store: Store
    hasher: PasswordHasher
    now: Clock

    def page(self, after: str | None, limit: int) -> list[Account]:
        """Give at most so many accounts, ascending by subject."""
        with self.store.reading() as tx:
            return tx.accounts.page(after, limit)

    def get(self, sub_or_email: str) -> Account:
        """Find by subject, or by address; raises UnknownAccount."""
        with self.store.reading() as tx:
            account = tx.accounts.get(sub_or_email)
            if account is None and "@" in sub_or_email:
                account = tx.accounts.by_email(normalise_email(sub_or_email))
        if account is None:
            raise UnknownAccount("there is no such account")
        return account

    def disable(self, sub: str, by: str | None = None) -> list[str]:
        """Shut an account, and end all its sessions; gives their ids. Raises UnknownAccount or NotWhileYou.

        Doing it again changes nothing.
        """
        if sub == by:
            raise NotWhileYou("nobody disables their own account")
        now = self.now()
        with self.store.transaction() as tx:
            account = _locked(tx, sub)
            if not account.disabled:
                tx.accounts.set_disabled(sub, now)
                tx.audit.record(AuditEvent(Event.ACCOUNT_DISABLED, actor=by, subject=sub))
            tx.browser_sessions.end_all(sub, now)
            return end_all_sessions(tx, sub, EndReason.ACCOUNT_DISABLED, now, by=by)

    def enable(self, sub: str, by: str | None = None) -> None:
        """Open an account again; its old sessions stay ended. Raises UnknownAccount."""
        with self.store.transaction() as tx:
            if _locked(tx, sub).disabled:
                tx.accounts.set_disabled(sub, None)
                tx.audit.record(AuditEvent(Event.ACCOUNT_ENABLED, actor=by, subject=sub))

    def create(self, email: str, password: str, name: str, roles: frozenset[str]) -> Account:
        """Open an account whose address counts as verified: an administrator vouches for it.

        Raises InvalidEmail, InvalidName, InvalidPassword, AddressTaken or TooBusy.
        """
        address, name, roles = normalise_email(email), check_name(name), check_roles(roles)
        check_new_password(password)
        now = self.now()
        account = Account(
            new_subject(), address, name, roles, self.hasher.hash(password), now, email_verified_at=now
        )
        with self.store.transaction() as tx:
            if not tx.accounts.add(account):
                raise AddressTaken("there is an account with this address")
            facts = {"roles": sorted(roles)}
            tx.audit.record(AuditEvent(Event.ACCOUNT_MADE, subject=account.sub, detail=facts))
        return account

    def set_roles(self, sub: str, roles: frozenset[str]) -> None:
        """Replace the roles; what a token already says stays so until it expires. Raises UnknownAccount or InvalidName."""
        roles = check_roles(roles)
        with self.store.transaction() as tx:
            before = _locked(tx, sub).roles
            tx.accounts.set_roles(sub, roles)
            facts = {"before": sorted(before), "after": sorted(roles)}
            tx.audit.record(AuditEvent(Event.ACCOUNT_ROLES_SET, subject=sub, detail=facts))


def check_roles(roles: frozenset[str]) -> frozenset[str]:
    """Give the roles; raises InvalidName for none, or for one that is not there."""
    unknown = roles - frozenset(ROLE_SCOPES)
    if unknown or not roles:
        raise InvalidName(f"roles are {', '.join(sorted(ROLE_SCOPES))}")
    return roles


def _locked(tx: Transaction, sub: str) -> Account:
    account = tx.accounts.locked(sub)
    if account is None:
        raise UnknownAccount("there is no such account")
    return account


@dataclass(frozen=True, slots=True)
class SessionAdmin:
    """What can be done to anybody's sessions."""

    store: Store
    now: Clock

    def page(self, sub: str | None, after: str | None, limit: int) -> list[Session]:
        """Give at most so many live sessions, of one account or of all, ascending by id."""
        with self.store.reading() as tx:
            return tx.sessions.page(sub, after, limit, self.now())

    def end(self, sid: str, by: str | None = None) -> bool:
        """End a session; False when it had ended before. Raises UnknownSession."""
        with self.store.transaction() as tx:
            if tx.sessions.get(sid) is None:
                raise UnknownSession("there is no such session")
            return end_session(tx, sid, EndReason.ENDED_BY_ADMIN, self.now(), by=by)


@dataclass(frozen=True, slots=True)
class ReadAudit:
    """Reads the log."""

    store: Store

    def __call__(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Give the newest entries that are wanted, newest first."""
        with self.store.reading() as tx:
            return tx.audit.entries(query, limit)


@dataclass(frozen=True, slots=True)
class Administration:
    """All of it, for routes and for commands."""

    admit: Admit
    accounts: AccountAdmin
    sessions: SessionAdmin
    keys: KeyAdmin
    clients: ClientAdmin
    audit: ReadAudit

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 (the parts that all of it is made of)
        cls,
        store: Store,
        hasher: PasswordHasher,
        keys: KeyStore,
        fixed: FixedClients,
        now: Clock,
        session_life: float,
    ) -> "Administration":
        """Wire it."""
        return cls(
            Admit(store, now),
            AccountAdmin(store, hasher, now),
            SessionAdmin(store, now),
            KeyAdmin(store, keys, session_life),
            ClientAdmin(store, fixed, now),
            ReadAudit(store),
        )
