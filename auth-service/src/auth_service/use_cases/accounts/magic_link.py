"""Logging in by mail: a link or a code, once, within ten minutes, and only where it was asked for."""

import hmac
from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account, normalised_or_empty
from auth_service.domain.accounts.errors import BadLink, BindingMissing
from auth_service.domain.accounts.one_time_token import TRIES, OneTimeToken, Purpose, code_digest, new_code
from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType, email_digest
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.scopes import Grant, grant_for_account
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.browser_login import BeginBrowserSession, NewBrowserSession
from auth_service.use_cases.accounts.email_texts import magic_link
from auth_service.use_cases.accounts.login import RequestedAccess, get_first_party_client
from auth_service.use_cases.oauth.token_issuer import NewSession, TokenIssuer, TokenResponse

LIFE = 600.0  # seconds
MOST = 10  # links for one address that have not expired; more are not mailed
METHODS = ("otp",)  # RFC 8176
_REFUSED = (
    "this link or code is invalid, already used, expired, or was requested elsewhere; request a new one"
)


@dataclass(frozen=True, slots=True)
class MagicLinkRequest:
    """Mails a link and a code to whoever has an account, and lets nobody see whether one has."""

    store: Store
    outbox: Outbox
    issuer: str
    now: Clock

    def __call__(self, email: str) -> str:
        """Return the binding, which has to come back beside the link or the code; raise MailBusy.

        An unknown address, a disabled account and one that was mailed too often answer alike, for the same work.
        """
        address, now = normalised_or_empty(email), self.now()
        token, code, binding = new_token(), new_code(), new_token()
        with self.store.transaction() as tx:
            account = tx.accounts.find_by_email(address)
            known = account is not None and not account.disabled
            mailed = tx.one_time_tokens.count_unexpired(Purpose.MAGIC_LINK, address, now)
            row = OneTimeToken(
                digest=digest_of(token),
                purpose=Purpose.MAGIC_LINK,
                email=address,
                sub=account.sub if account and known else None,
                expires_at=now + LIFE,
                binding_digest=digest_of(binding),
            )
            if mailed < MOST:
                tx.one_time_tokens.add(row, _code_row(row, code_digest(binding, address, code)))
        letter = magic_link(self.issuer, address, token, code, minutes=int(LIFE // 60), until=now + LIFE)
        self.outbox.post(letter if known and mailed < MOST else None)
        return binding


def _code_row(link: OneTimeToken, digest_of_code: bytes) -> OneTimeToken:
    return OneTimeToken(
        digest=digest_of_code,
        purpose=Purpose.MAGIC_CODE,
        email=link.email,
        sub=link.sub,
        expires_at=link.expires_at,
        binding_digest=link.binding_digest,
        tries_left=TRIES,
    )


@dataclass(frozen=True, slots=True)
class _Redeemed:
    account: Account
    grant: Grant
    opened: NewSession


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What a mailed link holds, and the binding that came with it, if any."""

    token: str = field(repr=False)
    binding: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A mailed code as it was typed, the address it was mailed to, and the binding that came with it, if any."""

    email: str = field(repr=False)
    code: str = field(repr=False)
    binding: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class MagicLinkLogin:
    """Logs in whoever has the mail and asked for it: of any number of calls for one mail, one succeeds.

    Link and code are two keys to one door, and using either uses up both. Without the binding neither is looked at,
    and with another one neither is used up.
    """

    store: Store
    clients: Clients
    token_issuer: TokenIssuer
    begin_browser_session: BeginBrowserSession

    def __call__(self, shown: LinkToken | LinkCode, wanted: RequestedAccess) -> TokenResponse:
        """Open a session; raise BindingMissing, BadLink, InvalidClient, InvalidScope or InvalidTarget."""
        client = get_first_party_client(self.clients, wanted.client_id)
        with self.store.transaction() as tx:
            account = self._proven(tx, shown)
            redeemed = None if account is None else self._open(tx, account, client, wanted)
        if redeemed is None:  # raised only now: a try that was used up stays used up
            raise BadLink(_REFUSED)
        opened = redeemed.opened
        return self.token_issuer.issue_for_session(
            opened.session, redeemed.account, redeemed.grant, opened.refresh_token
        )

    def in_browser(self, shown: LinkToken | LinkCode, old_cookie: str | None) -> NewBrowserSession:
        """Begin a browser session at the mint's own pages instead; raise BindingMissing or BadLink."""
        with self.store.transaction() as tx:
            account = self._proven(tx, shown)
            entered = (
                None
                if account is None
                else self.begin_browser_session.begin(tx, account, METHODS, old_cookie)
            )
        if entered is None:
            raise BadLink(_REFUSED)
        return entered

    def _open(self, tx: Transaction, account: Account, client: Client, wanted: RequestedAccess) -> _Redeemed:
        grant = grant_for_account(account, client, wanted.scopes, wanted.audiences)
        return _Redeemed(
            account, grant, self.token_issuer.open_session(tx, account, client, grant, methods=METHODS)
        )

    def _proven(self, tx: Transaction, shown: LinkToken | LinkCode) -> Account | None:
        """Use the mail up and give the account that it opens, locked; None when it opens none."""
        if not shown.binding:
            raise BindingMissing(
                "use the link or code in the browser that requested it, or send the binding from POST /magic-links"
            )
        bound = digest_of(shown.binding)
        link = (
            self._by_token(tx, shown, bound)
            if isinstance(shown, LinkToken)
            else self._by_code(tx, shown, bound)
        )
        used = link is not None and tx.one_time_tokens.mark_used(link.digest, self.token_issuer.now())
        account = tx.accounts.get_for_update(link.sub) if used and link and link.sub else None
        if account is None or account.disabled:
            tx.audit.record(
                AuditEvent(
                    EventType.LOGGED_IN, REFUSED, subject=link.sub if link else None, detail=_facts(shown)
                )
            )
            return None
        facts = _facts(shown) | {"methods": list(METHODS)}
        tx.audit.record(AuditEvent(EventType.LOGGED_IN, actor=account.sub, subject=account.sub, detail=facts))
        return account

    def _by_token(self, tx: Transaction, shown: LinkToken, bound: bytes) -> OneTimeToken | None:
        link = tx.one_time_tokens.get(digest_of(shown.token))
        if link is None or link.purpose != Purpose.MAGIC_LINK or link.binding_digest is None:
            return None
        return link if hmac.compare_digest(link.binding_digest, bound) else None

    def _by_code(self, tx: Transaction, shown: LinkCode, bound: bytes) -> OneTimeToken | None:
        address = normalised_or_empty(shown.email)
        kept = tx.one_time_tokens.find_by_binding(Purpose.MAGIC_CODE, address, bound)
        if kept is None or not tx.one_time_tokens.take_try(kept.digest, self.token_issuer.now()):
            return None
        if not hmac.compare_digest(kept.digest, code_digest(shown.binding or "", address, shown.code)):
            return None
        return tx.one_time_tokens.find_by_binding(Purpose.MAGIC_LINK, address, bound)


def _facts(shown: LinkToken | LinkCode) -> dict[str, object]:
    if isinstance(shown, LinkToken):
        return {"by": "link"}
    return {"by": "code", "address_digest": email_digest(shown.email)}
