"""The authorization code grant (RFC 6749 section 4.1.3, with PKCE, RFC 7636)."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType
from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.client import Client, GrantType, check_grant
from auth_service.domain.oauth.errors import InvalidGrant
from auth_service.domain.oauth.scopes import Grant, narrow_audiences
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.oauth.token_issuer import NewSession, TokenIssuer, TokenResponse
from auth_service.use_cases.sessions.end_sessions import end_session

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_UNKNOWN = "this code is unknown or was issued to another client"


@dataclass(frozen=True, slots=True)
class Redemption:
    """The parameters of a token request (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""

    code: str
    redirect_uri: str | None
    verifier: str | None
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationCodeGrant:
    """The `authorization_code` grant.

    The first request of its own client uses a code up, valid or not, so a stolen code gets one guess at its verifier.
    Another client's request does not, or anyone who saw a code could void it. A second use ends the session that the
    first one opened (RFC 6749 section 10.5).
    """

    store: Store
    token_issuer: TokenIssuer

    def __call__(self, client: Client, request: Redemption) -> TokenResponse:
        """Return the session's first tokens; raise UnauthorizedClient, InvalidGrant or InvalidTarget."""
        check_grant(client, GrantType.AUTHORIZATION_CODE)
        digest = digest_of(request.code)
        with self.store.reading() as tx:  # an invented code must not cost a write lock
            code = tx.authorization_codes.find_by_digest(digest)
        if code is None or code.client_id != client.client_id:
            raise InvalidGrant(_UNKNOWN)
        audiences = narrow_audiences(request.audiences, frozenset(code.audiences) & client.audiences)
        with self.store.transaction() as tx:
            opened = self._redeem(tx, client, code, request)
        if opened is None:  # raised after the commit of the use and of what it ended
            raise InvalidGrant(
                "this code was already used, has expired, or does not match redirect_uri or code_verifier"
            )
        left = narrow_audiences((), frozenset(audiences).intersection(opened.grant.audiences))
        narrowed = replace(opened, grant=replace(opened.grant, audiences=left))
        return self.token_issuer.issue_first(narrowed, nonce=code.nonce)

    def _redeem(
        self, tx: Transaction, client: Client, code: AuthorizationCode, request: Redemption
    ) -> NewSession | None:
        now = self.token_issuer.now()
        # Serialises with requests that end this account's sessions.
        account = tx.accounts.get_for_update(code.sub)
        if not tx.authorization_codes.mark_used(code.digest, now):
            self._end_session_of_reused(tx, code.digest, now)
            return None
        if account is None or account.disabled or not self._holds(tx, code, request, now):
            return None
        opened = self.token_issuer.open_session(
            tx,
            account,
            client,
            Grant(code.scopes, code.audiences),
            methods=code.methods,
            auth_time=code.auth_time,
            browser_session=code.browser_session,
            requested=code.requested,
        )
        tx.authorization_codes.set_session(code.digest, opened.session.sid)
        return opened

    def _holds(self, tx: Transaction, code: AuthorizationCode, request: Redemption, now: float) -> bool:
        if now >= code.expires_at or request.redirect_uri != code.redirect_uri:
            return False
        if code.browser_session is not None:
            browser = tx.browser_sessions.find_by_digest(code.browser_session)
            if browser is None or not browser.is_active(now):
                return False
        return verifier_fits(request.verifier, code.code_challenge)

    @staticmethod
    def _end_session_of_reused(tx: Transaction, digest: bytes, now: float) -> None:
        used = tx.authorization_codes.find_by_digest(digest)
        if used is None:
            return
        tx.audit.record(
            AuditEvent(
                EventType.CODE_REUSED,
                REFUSED,
                subject=used.sub,
                client_id=used.client_id,
                session_id=used.sid,
            )
        )
        if used.sid is not None:
            end_session(tx, used.sid, EndReason.CODE_REUSED, now)


def verifier_fits(verifier: str | None, challenge: str) -> bool:
    """Return whether the verifier matches an S256 challenge (RFC 7636 section 4.6), in constant time."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    computed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(computed, challenge)
