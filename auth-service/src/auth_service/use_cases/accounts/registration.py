"""Registration of an account, without telling whether the address had one already."""

from collections.abc import Callable
from dataclasses import dataclass

from auth_service.domain.accounts.account import Account, check_name, normalise_email
from auth_service.domain.accounts.password import PasswordHasher, PasswordStrength, check_new_password
from auth_service.domain.audit_log import OK, REFUSED, AuditEvent, EventType, email_digest
from auth_service.domain.clock import Clock
from auth_service.domain.errors import AuthError
from auth_service.domain.opaque_tokens import new_subject
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.accounts.email_verification import SendVerification


@dataclass(frozen=True, slots=True)
class Registration:
    """Creates accounts with the default roles."""

    store: Store
    hasher: PasswordHasher
    now: Clock
    send_verification: SendVerification
    strength: PasswordStrength | None = None

    def faults(self, email: str, password: str, name: str) -> dict[str, str]:
        """Return the fault of each field that `__call__` would refuse, in the order of a form."""
        checks: dict[str, Callable[[], object]] = {
            "name": lambda: check_name(name),
            "email": lambda: normalise_email(email),
            "password": lambda: check_new_password(password, self.strength, (email, name)),
        }
        faults = {}
        for field, check in checks.items():
            try:
                check()
            except AuthError as error:
                faults[field] = str(error)
        return faults

    def __call__(self, email: str, password: str, name: str) -> str:
        """Return a subject; raise InvalidEmail, InvalidName, InvalidPassword, TooBusy or MailBusy.

        If the address has an account, nothing changes, but the response and the work are the same: one hash, the same
        inserts, one mail, and a random subject that no account has.
        """
        address, name = normalise_email(email), check_name(name)
        check_new_password(password, self.strength, (address, name))
        with self.store.reading() as tx:
            roles = tx.registry.get().default_roles
        account = Account(
            sub=new_subject(),
            email=address,
            name=name,
            roles=roles,
            password_hash=self.hasher.hash(password),
            created_at=self.now(),
        )
        with self.store.transaction() as tx:
            made = tx.accounts.add(account)
            tx.audit.record(  # either way: the work must not show whether the address was taken
                AuditEvent(
                    EventType.ACCOUNT_MADE,
                    OK if made else REFUSED,
                    subject=account.sub if made else None,
                    detail={"address_digest": email_digest(address)},
                )
            )
            mail = self.send_verification.prepare(tx, account, made=made)
        self.send_verification.post(mail)
        return account.sub
