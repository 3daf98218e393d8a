"""A new password for somebody who has forgotten theirs: by a mailed link, once, within half an hour."""

from dataclasses import dataclass
from hashlib import sha256

from auth_service.domain.accounts.account import Account, normalised_or_empty
from auth_service.domain.accounts.errors import BadLink
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.accounts.password import PasswordHasher, PasswordStrength, check_new_password
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.email_texts import password_reset
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_old_password

LIFE = 1800.0  # seconds
MOST = 5  # links for one address that have not expired; more are not mailed
_REFUSED = "this link is invalid, already used or expired; request a new one"


@dataclass(frozen=True, slots=True)
class PasswordResetRequest:
    """Mails a link to whoever has an account, and lets nobody see whether one has."""

    store: Store
    outbox: Outbox
    issuer: str
    now: Clock

    def __call__(self, email: str) -> None:
        """Do the same for every address; raise MailBusy.

        The link stands for the password of this moment: once that is changed, in whatever way, it opens nothing.
        """
        address, now, token = normalised_or_empty(email), self.now(), new_token()
        with self.store.transaction() as tx:
            account = tx.accounts.find_by_email(address)
            known = account is not None and not account.disabled
            mailed = tx.one_time_tokens.count_unexpired(Purpose.PASSWORD_RESET, address, now)
            row = OneTimeToken(
                digest=digest_of(token),
                purpose=Purpose.PASSWORD_RESET,
                email=address,
                sub=account.sub if account and known else None,
                expires_at=now + LIFE,
                binding_digest=password_digest(account.password_hash if account else ""),
            )
            if mailed < MOST:
                tx.one_time_tokens.add(row)
        letter = password_reset(self.issuer, address, token, minutes=int(LIFE // 60), until=now + LIFE)
        self.outbox.post(letter if known and mailed < MOST else None)


def password_digest(password_hash: str) -> bytes:
    """Say which password an account has, without repeating even its hash."""
    return sha256(password_hash.encode()).digest()


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Replaces the password for whoever has the mail. All sessions end: whoever knew the old one is out."""

    store: Store
    hasher: PasswordHasher
    now: Clock
    strength: PasswordStrength | None = None

    def __call__(self, token: str, new: str) -> None:
        """Raise BadLink, InvalidPassword or TooBusy, and use nothing up; otherwise the change is complete.

        The mail proves the address as well, so it counts as verified from now on.
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
            self._account(tx, link)  # again, now that nobody else can change it
            tx.accounts.set_password_hash(account.sub, new_hash)
            tx.accounts.set_email_verified(account.sub, now)
            tx.browser_sessions.mark_all_ended(account.sub, now)
            tx.audit.record(AuditEvent(EventType.PASSWORD_RESET, actor=account.sub, subject=account.sub))
            end_sessions_of_old_password(tx, account.sub, EndReason.PASSWORD_RESET, now)

    def _account(self, tx: Transaction, link: OneTimeToken | None) -> Account:
        """Return the account that a link may change, if it may still; raise BadLink."""
        if link is None or link.purpose != Purpose.PASSWORD_RESET or link.sub is None:
            raise BadLink(_REFUSED)
        account = tx.accounts.get(link.sub)
        if account is None or account.disabled or not self._live(link, account):
            raise BadLink(_REFUSED)
        return account

    def _live(self, link: OneTimeToken, account: Account) -> bool:
        return self.now() < link.expires_at and link.binding_digest == password_digest(account.password_hash)
