"""The accounts of the demonstration."""

from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.opaque_tokens import new_subject
from auth_service.domain.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class DemoAccounts:
    """Adds the demo accounts; any number of processes can do so at once."""

    store: Store
    hasher: PasswordHasher
    now: Clock

    def __call__(self, accounts: dict[str, frozenset[str]], password: str) -> int:
        """Add the missing accounts of `{address: roles}`; return how many."""
        added = 0
        for address, roles in accounts.items():
            with self.store.reading() as tx:
                if tx.accounts.find_by_email(address) is not None:
                    continue
            local, _, domain = address.partition("@")
            name = f"{local} {domain.partition('.')[0]}".title()  # alice@example.com is Alice Example
            now = self.now()
            account = Account(new_subject(), address, name, roles, self.hasher.hash(password), now, None, now)
            with self.store.transaction() as tx:
                if tx.accounts.add(account):
                    facts = {"roles": sorted(roles)}
                    tx.audit.record(AuditEvent(EventType.ACCOUNT_MADE, subject=account.sub, detail=facts))
                    added += 1
        return added


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """The demo accounts and their published password, as the log-in page shows them."""

    addresses: tuple[str, ...]
    password: str = field(repr=False)


DEMO_ACCOUNTS = {
    "alice@example.com": frozenset({"customer"}),
    "bob@example.com": frozenset({"customer"}),
    "admin@example.com": frozenset({"admin"}),
}
