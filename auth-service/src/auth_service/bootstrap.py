"""How the mint's use cases are made of their parts: what ``app.py`` leaves to a list."""

from auth_service.adapters.client_files import AllClients
from auth_service.adapters.successor_encryption import HkdfSealer
from auth_service.adapters.zxcvbn import Zxcvbn
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.unit_of_work import Store
from auth_service.settings import Settings
from auth_service.signing.client_assertions import ClientKeys, JwtAssertions
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import HintKeyFinder, OwnIdTokens, OwnTokens
from auth_service.use_cases.accounts.email_verification import SendVerification
from auth_service.use_cases.accounts.login import Login, PasswordCheck
from auth_service.use_cases.accounts.login_throttle import LoginThrottle, NoThrottle
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.registration import Registration
from auth_service.use_cases.admin.administration import Administration
from auth_service.use_cases.oauth.authorization_code_grant import AuthorizationCodeGrant
from auth_service.use_cases.oauth.client_authentication import ClientAuthentication
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.device_approval import DeviceApproval
from auth_service.use_cases.oauth.device_authorization import DeviceAuthorization
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.refresh_token_grant import RefreshTokenGrant
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.dependencies import ByMail, Front, Mint, SignalDesk
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
    desk: SignalDesk,
    outbox: Outbox,
    now: Clock,
) -> Mint:
    """Give the mint, made of these parts."""
    issuing = TokenIssuer(settings.issuer, _lifetimes(settings), ring, now)
    assertions = JwtAssertions(ClientKeys(settings.keys_dir / "clients"))
    judge = Zxcvbn()
    brake = LoginThrottle(now) if settings.rate_limits else NoThrottle()
    hints = OwnIdTokens(settings.issuer, HintKeyFinder(ring, store, now))
    front = Front.of(settings.issuer, store, clients, PasswordCheck(store, hasher, brake), hints, now)
    return Mint(
        issuer=settings.issuer,
        jwks_max_age=settings.jwks_max_age,
        register=Registration(store, hasher, now, SendVerification(outbox, settings.issuer, now), judge),
        log_in=Login(store, clients, hasher, issuing, brake),
        log_out=Logout(store, now),
        change_password=PasswordChange(store, hasher, now, judge),
        authenticate=ClientAuthentication(store, clients, assertions, _assertion_audiences(settings), now),
        redeem=AuthorizationCodeGrant(store, issuing),
        user_info=UserInfo(store, tokens, now),
        front=front,
        own_sessions=OwnSessions(store, clients, now),
        by_mail=ByMail.of(store, clients, issuing, front.enter, outbox, hasher, judge),
        refresh=RefreshTokenGrant(store, clients, HkdfSealer(), issuing),
        exchange=TokenExchangeGrant(store, tokens, issuing),
        service_token=ClientCredentialsGrant(store, issuing),
        revoke=Revocation(store, clients, tokens, now),
        introspect=Introspection(store, clients, tokens, now),
        keys=ring,
        statuses=statuses,
        waits=waits,
        signals=desk,
        start_device=DeviceAuthorization(store, now),
        device_grant=DeviceCodeGrant(store, issuing),
        answer_device=DeviceApproval(store, clients, now, settings.rate_limits),
        admin=Administration.of(store, hasher, ring, clients.fixed, now, settings.session_life),
    )


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(settings.access_token_ttl, settings.refresh_token_idle_ttl, settings.refresh_token_ttl)


def _assertion_audiences(settings: Settings) -> frozenset[str]:
    """Name this mint in every way that a client assertion may (RFC 7523 section 3)."""
    names = (settings.issuer, settings.issuer_backchannel)
    return frozenset(url for name in names for url in (name, f"{name}/oauth/token"))
