"""Verification of an account's address by a mailed link, which works once, within a day."""

from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.accounts.errors import BadLink
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.email import Email, Outbox
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.email_texts import already_here, verification
from auth_service.use_cases.accounts.one_time_mail import store_tokens
from auth_service.use_cases.sessions.active_session import active_account

LINK_SECONDS = 86_400
MAX_UNEXPIRED_LINKS = 5  # for one address; more are not mailed
_REFUSED = "this link is invalid, already used or expired; request a new one"


@dataclass(frozen=True, slots=True)
class SendVerification:
    """Mails the verification link of a new account, or to the owner of an existing one that they have it already."""

    outbox: Outbox
    issuer: str
    now: Clock

    def prepare(self, tx: Transaction, account: Account, *, made: bool) -> Email | None:
        """Store the link's token and return the mail to post after the commit; None if there are too many.

        The work is the same whether the account was `made` or its address was taken.
        """
        now, token = self.now(), new_token()
        until = now + LINK_SECONDS
        row = OneTimeToken(
            digest=digest_of(token),
            purpose=Purpose.VERIFICATION,
            email=account.email,
            sub=account.sub if made else None,
            expires_at=until,
        )
        if not store_tokens(tx, [row], MAX_UNEXPIRED_LINKS, now):
            return None
        if not made:
            return already_here(self.issuer, account.email, until=until)
        return verification(self.issuer, account.email, token, hours=LINK_SECONDS // 3600, until=until)

    def post(self, mail: Email | None) -> None:
        """Queue the mail, or take the same time for None; raise MailBusy."""
        self.outbox.post(mail)


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Verifies the address of an account, and mails the link again on request."""

    store: Store
    send_verification: SendVerification
    now: Clock

    def __call__(self, token: str) -> None:
        """Use up the link; raise BadLink. Later tokens of the account carry all its scopes."""
        now = self.now()
        with self.store.transaction() as tx:
            link = tx.one_time_tokens.get(digest_of(token))
            if link is None or link.purpose != Purpose.VERIFICATION or link.sub is None:
                raise BadLink(_REFUSED)
            if not tx.one_time_tokens.mark_used(link.digest, now):
                raise BadLink(_REFUSED)
            account = tx.accounts.get_for_update(link.sub)
            if account is None or account.email != link.email:
                raise BadLink(_REFUSED)
            if tx.accounts.set_email_verified(account.sub, now):
                tx.audit.record(AuditEvent(EventType.EMAIL_VERIFIED, actor=account.sub, subject=account.sub))

    def resend(self, sub: str, sid: str | None) -> None:
        """Mail another link, a few a day, unless the address is verified; raise SessionOver or MailBusy."""
        with self.store.transaction() as tx:
            _, account = active_account(tx, sub, sid, self.now())
            verified = account.email_verified_at is not None
            mail = None if verified else self.send_verification.prepare(tx, account, made=True)
        self.send_verification.post(mail)
