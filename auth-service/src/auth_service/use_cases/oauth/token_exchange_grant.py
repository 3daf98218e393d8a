"""The token exchange grant (RFC 8693): a service acts for a user, with fewer rights."""

from dataclasses import dataclass

from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType
from auth_service.domain.oauth.access_token import AccessToken, TokenReader, VerifiedToken
from auth_service.domain.oauth.client import Client, GrantType, check_grant
from auth_service.domain.oauth.errors import InvalidRequest, InvalidTarget, OAuthError
from auth_service.domain.oauth.registry import OIDC_SCOPES
from auth_service.domain.oauth.scopes import narrow_audiences, narrow_scopes
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.sessions.session import Session
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.audit_log import record_event
from auth_service.use_cases.oauth.token_issuer import TokenIssuer, TokenResponse
from auth_service.use_cases.sessions.active_session import active_account

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type, no secret
MAX_ACTORS = 3


@dataclass(frozen=True, slots=True)
class TokenExchangeGrant:
    """Exchanges an access token for one of another audience: same session, no more scopes, no later expiry.

    A scope that the account's roles do not give any more is left out.
    """

    store: Store
    reader: TokenReader
    token_issuer: TokenIssuer

    def __call__(
        self, client: Client, subject_token: str, target: str, scopes: frozenset[str] | None
    ) -> TokenResponse:
        """Return the narrower token; raise UnauthorizedClient, InvalidRequest, InvalidTarget or InvalidScope.

        `client` was authenticated. A subject token that is invalid, revoked or not for this client is an InvalidRequest
        (RFC 8693 section 2.2.2). Refusals are recorded.
        """
        try:
            return self._exchanged(client, subject_token, target, scopes)
        except OAuthError as refused:
            detail = {"error": refused.slug, "audience": target[:100]}
            refusal = AuditEvent(
                EventType.TOKEN_EXCHANGED,
                REFUSED,
                actor=client.client_id,
                client_id=client.client_id,
                detail=detail,
            )
            record_event(self.store, refusal)
            raise

    def _exchanged(
        self, client: Client, subject_token: str, target: str, scopes: frozenset[str] | None
    ) -> TokenResponse:
        check_grant(client, GrantType.TOKEN_EXCHANGE)
        subject, session, allowed = self._subject(subject_token, client)
        if target not in client.audiences or target not in subject.audiences:
            raise InvalidTarget("the audience must be in the subject token and in the client's registration")
        actors = (client.client_id, *subject.actors)
        if len(actors) > MAX_ACTORS:
            raise InvalidRequest(f"a chain of delegation can have at most {MAX_ACTORS} actors")
        now = int(self.token_issuer.now())
        token = AccessToken(
            subject=subject.subject,
            client_id=client.client_id,
            audiences=narrow_audiences([target], [target]),
            scopes=narrow_scopes(self._known(scopes), client.scopes & subject.scopes & allowed),
            expires_at=min(now + self.token_issuer.lifetimes.access, subject.expires_at),
            roles=subject.roles,
            session_id=session.sid,
            status=session.status,
            auth_time=subject.auth_time,
            actors=actors,
        )
        return self.token_issuer.issue(token, issued_token_type=ACCESS_TOKEN_TYPE)

    def _known(self, scopes: frozenset[str] | None) -> frozenset[str] | None:
        with self.store.reading() as tx:
            return tx.registry.get().known(scopes)

    def _subject(self, subject_token: str, client: Client) -> tuple[VerifiedToken, Session, frozenset[str]]:
        """Return the token, its session and the scopes that its account may have now."""
        subject = self.reader.read(subject_token, client.client_id)
        if subject is None or subject.expires_at <= self.token_issuer.now():
            raise InvalidRequest("the subject token is invalid, expired, or not for this client")
        try:
            with self.store.reading() as tx:
                session, account = active_account(
                    tx, subject.subject, subject.session_id, self.token_issuer.now()
                )
                allowed = tx.registry.get().scopes_of(account.roles).union(OIDC_SCOPES)
        except SessionOver as error:
            raise InvalidRequest(f"subject_token: {error}") from None
        return subject, session, allowed
