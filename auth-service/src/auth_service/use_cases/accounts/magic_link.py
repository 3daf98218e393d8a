"""Log-in by a mailed link or code: once, within ten minutes, and only in the browser that requested it."""

import hmac
from dataclasses import dataclass, field, replace

from auth_service.domain.accounts.account import Account, normalised_or_empty
from auth_service.domain.accounts.errors import BadLink, BindingMissing
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose, code_digest
from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType, email_digest
from auth_service.domain.email import Email
from auth_service.domain.oauth.client import Clients
from auth_service.domain.opaque_tokens import digest_of, new_token, new_typed_code
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.browser_login import BeginBrowserSession, NewBrowserSession
from auth_service.use_cases.accounts.email_texts import magic_link
from auth_service.use_cases.accounts.login import RequestedAccess, get_first_party_client
from auth_service.use_cases.accounts.one_time_mail import OneTimeMail
from auth_service.use_cases.oauth.token_issuer import TokenIssuer, TokenResponse

LINK_SECONDS = 600
MAX_UNEXPIRED_LINKS = 10  # for one address; more are not mailed
METHODS = ("otp",)  # RFC 8176
_REFUSED = (
    "this link or code is invalid, already used, expired, or was requested elsewhere; request a new one"
)


@dataclass(frozen=True, slots=True)
class MagicLinkRequest(OneTimeMail):
    """Mails a log-in link and a log-in code to an address that has an account; every address answers alike."""

    def __call__(self, email: str) -> str:
        """Queue the mail and return the binding, without which neither link nor code work; raise MailBusy."""
        binding = new_token()

        def compose(address: str, account: Account | None) -> tuple[list[OneTimeToken], Email]:
            token, code, until = new_token(), new_typed_code(), self.now() + LINK_SECONDS
            link = OneTimeToken(
                digest=digest_of(token),
                purpose=Purpose.MAGIC_LINK,
                email=address,
                sub=account.sub if account else None,
                expires_at=until,
                binding_digest=digest_of(binding),
            )
            typed = replace(link, digest=code_digest(binding, address, code), purpose=Purpose.MAGIC_CODE)
            minutes = LINK_SECONDS // 60
            return [link, typed], magic_link(self.issuer, address, token, code, minutes=minutes, until=until)

        self.send(email, MAX_UNEXPIRED_LINKS, compose)
        return binding


@dataclass(frozen=True, slots=True)
class LinkToken:
    """The token of a mailed link, and the binding that came with it, if any."""

    token: str = field(repr=False)
    binding: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A mailed code as typed, the address it was mailed to, and the binding that came with it, if any."""

    email: str = field(repr=False)
    code: str = field(repr=False)
    binding: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class MagicLinkLogin:
    """Log-in with a mailed link or code: of any number of calls for one mail, one succeeds.

    Using either of the two uses up both. Without the binding of the request neither is read, and with another one
    neither is used up.
    """

    store: Store
    clients: Clients
    token_issuer: TokenIssuer
    begin_browser_session: BeginBrowserSession

    def __call__(self, presented: LinkToken | LinkCode, wanted: RequestedAccess) -> TokenResponse:
        """Open a session; raise BindingMissing, BadLink, InvalidClient, InvalidScope or InvalidTarget."""
        client = get_first_party_client(self.clients, wanted.client_id)
        with self.store.transaction() as tx:
            account = self._use_up(tx, presented)
            if account is None:
                opened = None
            else:
                grant = wanted.grant(tx, account, client)
                opened = self.token_issuer.open_session(
                    tx, account, client, grant, methods=METHODS, requested=wanted.requested(grant)
                )
        if opened is None:  # raised after the commit: a failed attempt counts
            raise BadLink(_REFUSED)
        return self.token_issuer.issue_first(opened)

    def in_browser(self, presented: LinkToken | LinkCode, old_cookie: str | None) -> NewBrowserSession:
        """Begin a browser session at auth-service's own pages instead; raise BindingMissing or BadLink."""
        with self.store.transaction() as tx:
            account = self._use_up(tx, presented)
            if account is not None:
                return self.begin_browser_session.begin(tx, account, METHODS, old_cookie)
        raise BadLink(_REFUSED)

    def _use_up(self, tx: Transaction, presented: LinkToken | LinkCode) -> Account | None:
        """Use up the mail and return the account it was made for, locked; None if it is invalid."""
        if not presented.binding:
            raise BindingMissing(
                "use the link or code in the browser that requested it, or send the binding from POST /magic-links"
            )
        bound = digest_of(presented.binding)
        link = (
            self._by_token(tx, presented, bound)
            if isinstance(presented, LinkToken)
            else self._by_code(tx, presented, bound)
        )
        used = link is not None and tx.one_time_tokens.mark_used(link.digest, self.token_issuer.now())
        account = tx.accounts.get_for_update(link.sub) if used and link and link.sub else None
        if account is None or account.disabled:
            tx.audit.record(
                AuditEvent(
                    EventType.LOGGED_IN, REFUSED, subject=link.sub if link else None, detail=_facts(presented)
                )
            )
            return None
        facts = _facts(presented) | {"methods": list(METHODS)}
        tx.audit.record(AuditEvent(EventType.LOGGED_IN, actor=account.sub, subject=account.sub, detail=facts))
        return account

    def _by_token(self, tx: Transaction, presented: LinkToken, bound: bytes) -> OneTimeToken | None:
        link = tx.one_time_tokens.get(digest_of(presented.token))
        if link is None or link.purpose != Purpose.MAGIC_LINK or link.binding_digest is None:
            return None
        return link if hmac.compare_digest(link.binding_digest, bound) else None

    def _by_code(self, tx: Transaction, presented: LinkCode, bound: bytes) -> OneTimeToken | None:
        address = normalised_or_empty(presented.email)
        kept = tx.one_time_tokens.find_by_binding(Purpose.MAGIC_CODE, address, bound)
        if kept is None or not tx.one_time_tokens.take_try(kept.digest, self.token_issuer.now()):
            return None
        if not hmac.compare_digest(
            kept.digest, code_digest(presented.binding or "", address, presented.code)
        ):
            return None
        return tx.one_time_tokens.find_by_binding(Purpose.MAGIC_LINK, address, bound)


def _facts(presented: LinkToken | LinkCode) -> dict[str, object]:
    if isinstance(presented, LinkToken):
        return {"by": "link"}
    return {"by": "code", "address_digest": email_digest(presented.email)}
