"""Password reset by a mailed link, which works once, within half an hour."""

from dataclasses import dataclass
from hashlib import sha256

from auth_service.domain.accounts.account import Account
from auth_service.domain.accounts.errors import BadLink
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.accounts.password import PasswordHasher, PasswordStrength, check_new_password
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.email import Email
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.email_texts import password_reset
from auth_service.use_cases.accounts.one_time_mail import OneTimeMail
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_old_password

LINK_SECONDS = 1800
MAX_UNEXPIRED_LINKS = 5  # for one address; more are not mailed
_REFUSED = "this link is invalid, already used or expired; request a new one"


@dataclass(frozen=True, slots=True)
class PasswordResetRequest(OneTimeMail):
    """Mails the link to choose a new password, to an address that has an account; every address answers alike."""

    def __call__(self, email: str) -> None:
        """Queue the mail; raise MailBusy. The link is void as soon as the password changes, in whatever way."""
        self.send(email, MAX_UNEXPIRED_LINKS, self._compose)

    def _compose(self, address: str, account: Account | None) -> tuple[list[OneTimeToken], Email]:
        token, until = new_token(), self.now() + LINK_SECONDS
        row = OneTimeToken(
            digest=digest_of(token),
            purpose=Purpose.PASSWORD_RESET,
            email=address,
            sub=account.sub if account else None,
            expires_at=until,
            binding_digest=password_digest(account.password_hash if account else ""),
        )
        return [row], password_reset(self.issuer, address, token, minutes=LINK_SECONDS // 60, until=until)


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Replaces the password of the account that a mailed link was made for, and ends all its sessions."""

    store: Store
    hasher: PasswordHasher
    now: Clock
    strength: PasswordStrength | None = None

    def __call__(self, token: str, new: str) -> None:
        """Replace the password; raise BadLink, InvalidPassword or TooBusy, and leave the link unused.

        The link also proves the address, which becomes verified.
        """
        with self.store.reading() as tx:
            account = self._account(tx, tx.one_time_tokens.get(digest_of(token)))
        check_new_password(new, self.strength, (account.email, account.name))
        new_hash, now = self.hasher.hash(new), self.now()
        with self.store.transaction() as tx:
            link = tx.one_time_tokens.get(digest_of(token))
            if link is None or not tx.one_time_tokens.mark_used(link.digest, now):
                raise BadLink(_REFUSED)
            tx.accounts.get_for_update(account.sub)
            self._account(tx, link)  # again, now that the account is locked
            tx.accounts.set_password_hash(account.sub, new_hash)
            tx.accounts.set_email_verified(account.sub, now)
            tx.audit.record(AuditEvent(EventType.PASSWORD_RESET, actor=account.sub, subject=account.sub))
            end_sessions_of_old_password(tx, account.sub, EndReason.PASSWORD_RESET, now)

    def _account(self, tx: Transaction, link: OneTimeToken | None) -> Account:
        """Return the account that the link may change now; raise BadLink."""
        if link is None or link.purpose != Purpose.PASSWORD_RESET or link.sub is None:
            raise BadLink(_REFUSED)
        account = tx.accounts.get(link.sub)
        if account is None or account.disabled or not self._is_usable(link, account):
            raise BadLink(_REFUSED)
        return account

    def _is_usable(self, link: OneTimeToken, account: Account) -> bool:
        return self.now() < link.expires_at and link.binding_digest == password_digest(account.password_hash)


def password_digest(password_hash: str) -> bytes:
    """Return a digest that changes with the password, and from which its hash cannot be computed."""
    return sha256(password_hash.encode()).digest()
