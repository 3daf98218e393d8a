"""How the mint's use cases are made of their parts: what ``app.py`` leaves to a list."""

from auth_service.adapters.client_files import AllClients
from auth_service.adapters.successor_encryption import HkdfSealer
from auth_service.adapters.zxcvbn import weakness
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.unit_of_work import Store
from auth_service.settings import Settings
from auth_service.signing.client_assertions import ClientKeys, JwtAssertions
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import HintKeyFinder, OwnIdTokens, OwnTokens
from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
from auth_service.use_cases.accounts.email_verification import EmailVerification, SendVerification
from auth_service.use_cases.accounts.login import Login, PasswordCheck
from auth_service.use_cases.accounts.login_throttle import LoginThrottle, NoThrottle
from auth_service.use_cases.accounts.magic_link import MagicLinkLogin, MagicLinkRequest
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import PasswordReset, PasswordResetRequest
from auth_service.use_cases.accounts.registration import Registration
from auth_service.use_cases.admin.administration import Administration
from auth_service.use_cases.oauth.authorization_code_grant import AuthorizationCodeGrant
from auth_service.use_cases.oauth.authorization_endpoint import AuthorizationEndpoint
from auth_service.use_cases.oauth.authorization_request import AuthorizationRequestParser
from auth_service.use_cases.oauth.client_authentication import ClientAuthentication
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.device_approval import DeviceApproval
from auth_service.use_cases.oauth.device_authorization import DeviceAuthorization
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.refresh_token_grant import RefreshTokenGrant
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequestParser, RpInitiatedLogout
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.dependencies import UseCases
from auth_service.web.html.cookies import Cookies
from auth_service.web.html.csrf import FormGuard
from auth_service.web.long_polling import LongPolls


def wire(  # noqa: PLR0913, PLR0917 (the parts that everything is made of)
    settings: Settings,
    store: Store,
    hasher: PasswordHasher,
    clients: AllClients,
    ring: KeyRing,
    tokens: OwnTokens,
    statuses: StatusLists,
    waits: LongPolls,
    outbox: Outbox,
    now: Clock,
) -> UseCases:
    """Return the use cases, made of these parts."""
    token_issuer = TokenIssuer(settings.issuer, _lifetimes(settings), ring, now)
    assertions = JwtAssertions(ClientKeys(settings.keys_dir / "clients"))
    throttle = LoginThrottle(now) if settings.rate_limits else NoThrottle()
    hints = OwnIdTokens(settings.issuer, HintKeyFinder(ring, store, now))
    check = PasswordCheck(store, hasher, throttle)
    begin_browser_session = BeginBrowserSession(store, check, now)
    send_verification = SendVerification(outbox, settings.issuer, now)
    return UseCases(
        issuer=settings.issuer,
        jwks_max_age=settings.jwks_max_age,
        signing_keys=ring,
        status_lists=statuses,
        long_polls=waits,
        forms=FormGuard(Cookies(settings.issuer), settings.issuer, now),
        admin=Administration.of(store, hasher, ring, clients.fixed, now, settings.session_life),
        registration=Registration(store, hasher, now, send_verification, weakness),
        login=Login(store, clients, hasher, token_issuer, throttle),
        password_change=PasswordChange(store, hasher, now, weakness),
        email_verification=EmailVerification(store, send_verification, now),
        magic_link_request=MagicLinkRequest(store, outbox, settings.issuer, now),
        magic_link_login=MagicLinkLogin(store, clients, token_issuer, begin_browser_session),
        password_reset_request=PasswordResetRequest(store, outbox, settings.issuer, now),
        password_reset=PasswordReset(store, hasher, now, weakness),
        begin_browser_session=begin_browser_session,
        authenticate_browser=AuthenticateBrowser(store, now),
        logout=Logout(store, now),
        own_sessions=OwnSessions(store, clients, now),
        authorization_request_parser=AuthorizationRequestParser(clients, settings.issuer),
        authorization_endpoint=AuthorizationEndpoint(store, hints, now),
        client_authentication=ClientAuthentication(
            store, clients, assertions, _assertion_audiences(settings), now
        ),
        authorization_code_grant=AuthorizationCodeGrant(store, token_issuer),
        refresh_token_grant=RefreshTokenGrant(store, clients, HkdfSealer(), token_issuer),
        client_credentials_grant=ClientCredentialsGrant(store, token_issuer),
        token_exchange_grant=TokenExchangeGrant(store, tokens, token_issuer),
        device_authorization=DeviceAuthorization(store, now),
        device_approval=DeviceApproval(store, clients, now, settings.rate_limits),
        device_code_grant=DeviceCodeGrant(store, token_issuer),
        introspection=Introspection(store, clients, tokens, now),
        revocation=Revocation(store, clients, tokens, now),
        userinfo=UserInfo(store, tokens, now),
        logout_request_parser=LogoutRequestParser(clients, hints, settings.issuer),
        rp_initiated_logout=RpInitiatedLogout(EndBrowserSession(store, now)),
    )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(settings.access_token_ttl, settings.refresh_token_idle_ttl, settings.refresh_token_ttl)


def _assertion_audiences(settings: Settings) -> frozenset[str]:
    """Name this mint in every way that a client assertion may (RFC 7523 section 3)."""
    names = (settings.issuer, settings.issuer_backchannel)
    return frozenset(url for name in names for url in (name, f"{name}/oauth/token"))
