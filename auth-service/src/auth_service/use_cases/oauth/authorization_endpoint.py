"""The authorization endpoint (RFC 6749 section 3.1): log-in, consent, and the code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.authorization_code import CODE_SECONDS, AuthorizationCode
from auth_service.domain.oauth.consent import Consent
from auth_service.domain.oauth.errors import AccessDenied, ConsentRequired, LoginRequired, OAuthError
from auth_service.domain.oauth.id_token import IdTokenHints
from auth_service.domain.oauth.registry import OIDC_SCOPES, Registry
from auth_service.domain.oauth.scopes import Grant, grant_for_account
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused, AuthorizationRequest


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The user has to log in."""


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The user has to allow or deny these scopes, each with its description."""

    user: BrowserUser
    scopes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CodeIssued:
    """Where to redirect the browser, with the code."""

    location: str = field(repr=False)


Step = LoginNeeded | ConsentNeeded | CodeIssued


@dataclass(frozen=True, slots=True)
class AuthorizationEndpoint:
    """Takes a request one step further. Every error is raised as AuthorizationRefused."""

    store: Store
    hints: IdTokenHints
    now: Clock

    def __call__(self, request: AuthorizationRequest, user: BrowserUser | None) -> Step:
        """Return the first step of a request."""
        return self._refusing(request, lambda: self._first_step(request, user))

    def after_login(self, request: AuthorizationRequest, user: BrowserUser) -> Step:
        """Return the step after a log-in for this request."""
        return self._refusing(request, lambda: self._after_login(request, user))

    def after_consent(self, request: AuthorizationRequest, user: BrowserUser, shown: frozenset[str]) -> Step:
        """Return the step after the user allowed the scopes shown; another consent if the grant has grown since."""

        def consent() -> Step:
            grant = self._grant(request, user)
            if not grant.scopes <= shown:
                return self._ask(user, grant)
            with self.store.transaction() as tx:
                known = tx.consents.get(user.account.sub, request.client.client_id)
                scopes = grant.scopes | (known.scopes if known else frozenset())
                tx.consents.save(Consent(user.account.sub, request.client.client_id, scopes, self.now()))
                tx.audit.record(_consent_given(request, user, grant))
            return self._after_authentication(request, user, consented=True)

        return self._refusing(request, consent)

    def after_denial(self, request: AuthorizationRequest) -> AuthorizationRefused:
        """Return the error after the user denied the request."""
        return AuthorizationRefused(request.address, AccessDenied("the user denied the request"))

    def _refusing(self, request: AuthorizationRequest, step: Callable[[], Step]) -> Step:
        try:
            return step()
        except OAuthError as error:
            raise AuthorizationRefused(request.address, error) from None

    def _after_login(self, request: AuthorizationRequest, user: BrowserUser) -> Step:
        if self._is_other_user(request, user):
            raise LoginRequired("the user who logged in is not the one in id_token_hint")
        return self._after_authentication(request, user, consented=False)

    def _first_step(self, request: AuthorizationRequest, user: BrowserUser | None) -> Step:
        elsewhere = self._is_other_user(request, user)
        if user is None or elsewhere or self._has_to_log_in(request, user):
            if "none" in request.prompts:
                raise LoginRequired("prompt=none was requested, but the user has to log in")
            return LoginNeeded()
        return self._after_authentication(request, user, consented=False)

    def _is_other_user(self, request: AuthorizationRequest, user: BrowserUser | None) -> bool:
        if request.id_token_hint is None:
            return False
        hint = self.hints.read(request.id_token_hint)
        if hint is None or hint.client_id != request.client.client_id:
            raise LoginRequired("id_token_hint is invalid or was issued to another client")
        return user is None or hint.sub != user.account.sub

    def _has_to_log_in(self, request: AuthorizationRequest, user: BrowserUser) -> bool:
        if request.prompts & {"login", "select_account"}:
            return True
        return request.max_age is not None and self.now() - user.session.auth_time >= max(request.max_age, 1)

    def _after_authentication(
        self, request: AuthorizationRequest, user: BrowserUser, *, consented: bool
    ) -> Step:
        grant = self._grant(request, user)
        if not consented and self._has_to_consent(request, user, grant):
            if "none" in request.prompts:
                raise ConsentRequired("prompt=none was requested, but the user has not consented")
            return self._ask(user, grant)
        return self._issue_code(request, user, grant)

    def _ask(self, user: BrowserUser, grant: Grant) -> ConsentNeeded:
        with self.store.reading() as tx:
            return ConsentNeeded(user, tx.registry.get().describe(grant.scopes))

    def _grant(self, request: AuthorizationRequest, user: BrowserUser) -> Grant:
        """Narrow to what this account may have, since a client cannot know in advance who logs in."""
        with self.store.reading() as tx:
            registry = tx.registry.get()
        scopes = _within_reach(registry, request.scopes, user.account)
        return grant_for_account(registry, user.account, request.client, scopes, request.audiences)

    def _has_to_consent(self, request: AuthorizationRequest, user: BrowserUser, grant: Grant) -> bool:
        if request.client.first_party:
            return False
        if "consent" in request.prompts:
            return True
        with self.store.reading() as tx:
            known = tx.consents.get(user.account.sub, request.client.client_id)
        return known is None or not grant.scopes <= known.scopes

    def _issue_code(self, request: AuthorizationRequest, user: BrowserUser, grant: Grant) -> CodeIssued:
        code = new_token()
        row = AuthorizationCode(
            digest=digest_of(code),
            client_id=request.client.client_id,
            sub=user.account.sub,
            redirect_uri=request.address.redirect_uri,
            scopes=grant.scopes,
            audiences=grant.audiences,
            code_challenge=request.code_challenge,
            methods=user.session.methods,
            auth_time=user.session.auth_time,
            expires_at=self.now() + CODE_SECONDS,
            requested=request.scopes or (grant.scopes if request.audiences else frozenset()),
            nonce=request.nonce,
            browser_session=user.session.digest,
        )
        with self.store.transaction() as tx:
            tx.authorization_codes.add(row)
        return CodeIssued(request.address.response_uri(code=code))


def _consent_given(request: AuthorizationRequest, user: BrowserUser, grant: Grant) -> AuditEvent:
    return AuditEvent(
        EventType.CONSENT_GIVEN,
        actor=user.account.sub,
        subject=user.account.sub,
        client_id=request.client.client_id,
        detail={"scope": " ".join(sorted(grant.scopes))},
    )


def _within_reach(
    registry: Registry, scopes: frozenset[str] | None, account: Account
) -> frozenset[str] | None:
    if scopes is None:
        return None
    reachable = scopes & registry.scopes_of(account.roles).union(OIDC_SCOPES)
    if not reachable:
        raise AccessDenied("this account has none of the requested scopes")
    return reachable
