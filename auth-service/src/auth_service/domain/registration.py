"""Opening an account, without telling whether the address had one already."""

from dataclasses import dataclass, field

from auth_service.domain.accounts import Account, check_name, normalise_email
from auth_service.domain.audit import OK, REFUSED, AuditEvent, Event, digest_of_address
from auth_service.domain.passwords import AnyPassword, PasswordHasher, PasswordJudge, check_new_password
from auth_service.domain.store import Store
from auth_service.domain.times import Clock, new_subject
from auth_service.domain.verification import Welcome


@dataclass(frozen=True, slots=True)
class Register:
    """Opens accounts with the role ``customer``."""

    store: Store
    hasher: PasswordHasher
    now: Clock
    welcome: Welcome
    judge: PasswordJudge = field(default_factory=AnyPassword)

    def __call__(self, email: str, password: str, name: str) -> str:
        """Give a subject; raises InvalidEmail, InvalidName, InvalidPassword, TooBusy or MailBusy.

        For an address that has an account nothing changes, and answer and work are the same: one hash, the same
        inserts, one mail, and a subject that looks like any other but belongs to nobody.
        """
        address, name = normalise_email(email), check_name(name)
        check_new_password(password, self.judge, (address, name))
        account = Account(
            sub=new_subject(),
            email=address,
            name=name,
            roles=frozenset({"customer"}),
            password_hash=self.hasher.hash(password),
            created_at=self.now(),
        )
        with self.store.transaction() as tx:
            made = tx.accounts.add(account)
            tx.audit.record(  # either way: the work must not tell whether the address was taken
                AuditEvent(
                    Event.ACCOUNT_MADE,
                    OK if made else REFUSED,
                    subject=account.sub if made else None,
                    detail={"address_digest": digest_of_address(address)},
                )
            )
            letter = self.welcome.keep(tx, account, made=made)
        self.welcome.post(letter)
        return account.sub


@dataclass(frozen=True, slots=True)
class Seed:
    """Puts the demo's accounts in place; any number of processes may do so at once."""

    store: Store
    hasher: PasswordHasher
    now: Clock

    def __call__(self, accounts: dict[str, frozenset[str]], password: str) -> int:
        """Add those of ``{address: roles}`` that are missing; says how many."""
        added = 0
        for address, roles in accounts.items():
            with self.store.reading() as tx:
                if tx.accounts.by_email(address) is not None:
                    continue
            local, _, domain = address.partition("@")
            name = f"{local} {domain.partition('.')[0]}".title()  # alice@example.com is Alice Example
            now = self.now()
            account = Account(new_subject(), address, name, roles, self.hasher.hash(password), now, None, now)
            with self.store.transaction() as tx:
                if tx.accounts.add(account):
                    facts = {"roles": sorted(roles)}
                    tx.audit.record(AuditEvent(Event.ACCOUNT_MADE, subject=account.sub, detail=facts))
                    added += 1
        return added


DEMO_ACCOUNTS = {
    "alice@example.com": frozenset({"customer"}),
    "bob@example.com": frozenset({"customer"}),
    "admin@example.com": frozenset({"admin"}),
}
