"""The authorization endpoint (RFC 6749 section 3.1): log-in, consent, and the code."""

from collections.abc import Callable
from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.authorization_code import CODE_SECONDS, AuthorizationCode
from auth_service.domain.oauth.consent import Consent
from auth_service.domain.oauth.errors import AccessDenied, ConsentRequired, LoginRequired, OAuthError
from auth_service.domain.oauth.id_token import IdTokenHintReader
from auth_service.domain.oauth.scopes import OIDC_SCOPES, Grant, account_scopes, grant_for_account
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused, AuthorizationRequest


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The user has to log in."""


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The user has to allow or deny these scopes."""

    user: BrowserUser
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodeIssued:
    """Where to redirect the browser, with the code."""

    location: str = field(repr=False)


Step = LoginNeeded | ConsentNeeded | CodeIssued


@dataclass(frozen=True, slots=True)
class AuthorizationEndpoint:
    """Takes a request one step further. Every error is raised as AuthorizationRefused."""

    store: Store
    hints: IdTokenHintReader
    now: Clock

    def __call__(self, request: AuthorizationRequest, who: BrowserUser | None) -> Step:
        """Return the first step of a request."""
        return self._refusing(request, lambda: self._first_step(request, who))

    def after_login(self, request: AuthorizationRequest, who: BrowserUser) -> Step:
        """Return the step after a log-in for this request."""
        return self._refusing(request, lambda: self._after_login(request, who))

    def after_consent(self, request: AuthorizationRequest, who: BrowserUser, shown: frozenset[str]) -> Step:
        """Return the step after the user allowed the scopes shown; another consent if the grant has grown since."""

        def consent() -> Step:
            grant = self._grant(request, who)
            if not grant.scopes <= shown:
                return ConsentNeeded(who, grant.scopes)
            with self.store.transaction() as tx:
                known = tx.consents.get(who.account.sub, request.client.client_id)
                scopes = grant.scopes | (known.scopes if known else frozenset())
                tx.consents.save(Consent(who.account.sub, request.client.client_id, scopes, self.now()))
                tx.audit.record(_consent_given(request, who, grant))
            return self._past_log_in(request, who, asked=True)

        return self._refusing(request, consent)

    def after_denial(self, request: AuthorizationRequest) -> AuthorizationRefused:
        """Return the error after the user denied the request."""
        return AuthorizationRefused(request.address, AccessDenied("the user denied the request"))

    def _refusing(self, request: AuthorizationRequest, step: Callable[[], Step]) -> Step:
        try:
            return step()
        except OAuthError as error:
            raise AuthorizationRefused(request.address, error) from None

    def _after_login(self, request: AuthorizationRequest, who: BrowserUser) -> Step:
        if self._is_other_user(request, who):
            raise LoginRequired("the user who logged in is not the one in id_token_hint")
        return self._past_log_in(request, who, asked=False)

    def _first_step(self, request: AuthorizationRequest, who: BrowserUser | None) -> Step:
        elsewhere = self._is_other_user(request, who)
        if who is None or elsewhere or self._has_to_log_in(request, who):
            if "none" in request.prompts:
                raise LoginRequired("prompt=none was requested, but the user has to log in")
            return LoginNeeded()
        return self._past_log_in(request, who, asked=False)

    def _is_other_user(self, request: AuthorizationRequest, who: BrowserUser | None) -> bool:
        if request.id_token_hint is None:
            return False
        hint = self.hints.read(request.id_token_hint)
        if hint is None or hint.client_id != request.client.client_id:
            raise LoginRequired("id_token_hint is invalid or was issued to another client")
        return who is None or hint.sub != who.account.sub

    def _has_to_log_in(self, request: AuthorizationRequest, who: BrowserUser) -> bool:
        if request.prompts & {"login", "select_account"}:
            return True
        return request.max_age is not None and self.now() - who.session.auth_time >= max(request.max_age, 1)

    def _past_log_in(self, request: AuthorizationRequest, who: BrowserUser, *, asked: bool) -> Step:
        grant = self._grant(request, who)
        if not asked and self._has_to_consent(request, who, grant):
            if "none" in request.prompts:
                raise ConsentRequired("prompt=none was requested, but the user has not consented")
            return ConsentNeeded(who, grant.scopes)
        return self._code(request, who, grant)

    def _grant(self, request: AuthorizationRequest, who: BrowserUser) -> Grant:
        """Narrow to what this account may have, since a client cannot know in advance who logs in."""
        return grant_for_account(
            who.account, request.client, _within_reach(request.scopes, who.account), request.audiences
        )

    def _has_to_consent(self, request: AuthorizationRequest, who: BrowserUser, grant: Grant) -> bool:
        if request.client.first_party:
            return False
        if "consent" in request.prompts:
            return True
        with self.store.reading() as tx:
            known = tx.consents.get(who.account.sub, request.client.client_id)
        return known is None or not grant.scopes <= known.scopes

    def _code(self, request: AuthorizationRequest, who: BrowserUser, grant: Grant) -> CodeIssued:
        code = new_token()
        row = AuthorizationCode(
            digest=digest_of(code),
            client_id=request.client.client_id,
            sub=who.account.sub,
            redirect_uri=request.address.redirect_uri,
            scopes=grant.scopes,
            audiences=grant.audiences,
            code_challenge=request.code_challenge,
            methods=who.session.methods,
            auth_time=who.session.auth_time,
            expires_at=self.now() + CODE_SECONDS,
            requested=request.scopes or frozenset(),
            nonce=request.nonce,
            browser_session=who.session.digest,
        )
        with self.store.transaction() as tx:
            tx.authorization_codes.add(row)
        return CodeIssued(request.address.response_uri(code=code))


def _consent_given(request: AuthorizationRequest, who: BrowserUser, grant: Grant) -> AuditEvent:
    return AuditEvent(
        EventType.CONSENT_GIVEN,
        actor=who.account.sub,
        subject=who.account.sub,
        client_id=request.client.client_id,
        detail={"scope": " ".join(sorted(grant.scopes))},
    )


def _within_reach(scopes: frozenset[str] | None, account: Account) -> frozenset[str] | None:
    if scopes is None:
        return None
    reachable = scopes & (account_scopes(account) | OIDC_SCOPES)
    if not reachable:
        raise AccessDenied("this account has none of the requested scopes")
    return reachable
