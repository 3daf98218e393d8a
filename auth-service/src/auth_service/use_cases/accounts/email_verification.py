"""Verifying that an account's address is its owner's: by a mailed link, once, within a day."""

from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.accounts.errors import BadLink
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.email import Email, Outbox
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.email_texts import already_here, verification
from auth_service.use_cases.sessions.end_sessions import live_session

LIFE = 86_400.0  # seconds
MOST = 5  # links for one address that have not expired; more are not mailed


@dataclass(frozen=True, slots=True)
class SendVerification:
    """Mails somebody who opens an account: the link, or word that there is an account already. Same work for both."""

    outbox: Outbox
    issuer: str
    now: Clock

    def keep(self, tx: Transaction, account: Account, *, made: bool) -> Email | None:
        """Keep the token of the link, and give the letter to post once that is committed; None for one too many."""
        now, token = self.now(), new_token()
        mailed = tx.one_time_tokens.count_unexpired(Purpose.VERIFICATION, account.email, now)
        if mailed >= MOST:
            return None
        tx.one_time_tokens.add(
            OneTimeToken(
                digest=digest_of(token),
                purpose=Purpose.VERIFICATION,
                email=account.email,
                sub=account.sub if made else None,
                expires_at=now + LIFE,
            )
        )
        if not made:
            return already_here(self.issuer, account.email, until=now + LIFE)
        hours = int(LIFE // 3600)
        return verification(self.issuer, account.email, token, hours=hours, until=now + LIFE)

    def post(self, letter: Email | None) -> None:
        """Send it after the request; raise MailBusy."""
        self.outbox.post(letter)


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Verifies an address for whoever has the mail, and mails the link again to whoever is logged in."""

    store: Store
    send_verification: SendVerification
    now: Clock

    def __call__(self, token: str) -> None:
        """Use the link up; raise BadLink. What tokens carry grows with the next log-in or refresh."""
        now = self.now()
        with self.store.transaction() as tx:
            link = tx.one_time_tokens.get(digest_of(token))
            usable = link is not None and link.purpose == Purpose.VERIFICATION and link.sub is not None
            if not usable or link is None or not tx.one_time_tokens.mark_used(link.digest, now):
                raise BadLink("this link is invalid, already used or expired; request a new one")
            account = tx.accounts.get_for_update(link.sub or "")
            if account is None or account.email != link.email:
                raise BadLink("this link is invalid, already used or expired; request a new one")
            if tx.accounts.set_email_verified(account.sub, now):
                tx.audit.record(AuditEvent(EventType.EMAIL_VERIFIED, actor=account.sub, subject=account.sub))

    def resend(self, sub: str, sid: str | None) -> None:
        """Mail another link, a few a day; nothing for an address that is verified. Raise SessionOver or MailBusy."""
        with self.store.transaction() as tx:
            live_session(tx, sub, sid, self.now())
            account = tx.accounts.get(sub)
            if account is None or account.disabled:
                raise SessionOver("this account does not exist or is disabled")
            verified = account.email_verified_at is not None
            letter = None if verified else self.send_verification.keep(tx, account, made=True)
        self.send_verification.post(letter)
