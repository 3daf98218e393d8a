"""Administration of accounts; every change is recorded in the audit log."""

from dataclasses import dataclass

from auth_service.domain.accounts.account import Account, check_name, normalise_email
from auth_service.domain.accounts.errors import AddressTaken, InvalidName, OwnAccount, UnknownAccount
from auth_service.domain.accounts.password import PasswordHasher, check_new_password
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.registry import Registry
from auth_service.domain.opaque_tokens import new_subject
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.sessions.end_sessions import end_all_sessions


@dataclass(frozen=True, slots=True)
class AccountAdmin:
    """Lists, creates and changes accounts. `by` is the subject who does it, None for the operator of this context."""

    store: Store
    hasher: PasswordHasher
    now: Clock

    def page(self, after: str | None, limit: int) -> list[Account]:
        """Return at most `limit` accounts, ascending by subject, those after one subject."""
        with self.store.reading() as tx:
            return tx.accounts.list_page(after, limit)

    def get(self, sub_or_email: str) -> Account:
        """Return the account with this subject or address; raise UnknownAccount or InvalidEmail."""
        with self.store.reading() as tx:
            account = tx.accounts.get(sub_or_email)
            if account is None and "@" in sub_or_email:
                account = tx.accounts.find_by_email(normalise_email(sub_or_email))
        if account is None:
            raise UnknownAccount("no account has this subject")
        return account

    def disable(self, sub: str, by: str | None = None) -> list[str]:
        """Disable an account and end all its sessions; return their ids. Raise UnknownAccount or OwnAccount.

        It is idempotent.
        """
        if sub == by:
            raise OwnAccount("you cannot disable your own account; ask another administrator")
        now = self.now()
        with self.store.transaction() as tx:
            account = _locked(tx, sub)
            if not account.disabled:
                tx.accounts.set_disabled(sub, now)
                tx.audit.record(AuditEvent(EventType.ACCOUNT_DISABLED, actor=by, subject=sub))
            return end_all_sessions(tx, sub, EndReason.ACCOUNT_DISABLED, now, by=by)

    def enable(self, sub: str, by: str | None = None) -> None:
        """Enable an account; its ended sessions stay ended. Raise UnknownAccount."""
        with self.store.transaction() as tx:
            if _locked(tx, sub).disabled:
                tx.accounts.set_disabled(sub, None)
                tx.audit.record(AuditEvent(EventType.ACCOUNT_ENABLED, actor=by, subject=sub))

    def create(self, email: str, password: str, name: str, roles: frozenset[str] = frozenset()) -> Account:
        """Create an account with a verified address, and without roles with the default ones.

        Raise InvalidEmail, InvalidName, InvalidPassword, AddressTaken or TooBusy.
        """
        address, name = normalise_email(email), check_name(name)
        with self.store.reading() as tx:
            registry = tx.registry.get()
        roles = check_roles(registry, roles or registry.default_roles)
        check_new_password(password)
        now = self.now()
        account = Account(
            new_subject(), address, name, roles, self.hasher.hash(password), now, email_verified_at=now
        )
        with self.store.transaction() as tx:
            if not tx.accounts.add(account):
                raise AddressTaken("an account with this address already exists")
            facts = {"roles": sorted(roles)}
            tx.audit.record(AuditEvent(EventType.ACCOUNT_MADE, subject=account.sub, detail=facts))
        return account

    def set_roles(self, sub: str, roles: frozenset[str]) -> None:
        """Replace the roles, for tokens issued from now on. Raise UnknownAccount or InvalidName."""
        with self.store.transaction() as tx:
            roles = check_roles(tx.registry.get(), roles)
            before = _locked(tx, sub).roles
            tx.accounts.set_roles(sub, roles)
            facts = {"before": sorted(before), "after": sorted(roles)}
            tx.audit.record(AuditEvent(EventType.ACCOUNT_ROLES_SET, subject=sub, detail=facts))


def check_roles(registry: Registry, roles: frozenset[str]) -> frozenset[str]:
    """Return the roles; raise InvalidName for an unknown one, or for none."""
    if not roles or not registry.roles.keys() >= roles:
        raise InvalidName(f"unknown role; the roles are {', '.join(sorted(registry.roles))}")
    return roles


def _locked(tx: Transaction, sub: str) -> Account:
    account = tx.accounts.get_for_update(sub)
    if account is None:
        raise UnknownAccount("no account has this subject")
    return account
