"""What the routes can call: the use cases of the domain, wired."""

from collections.abc import Callable
from dataclasses import dataclass

from touchstone.flask import current_token

from auth_service.domain.accounts.password import PasswordHasher, PasswordJudge
from auth_service.domain.clock import Clock
from auth_service.domain.email import Outbox
from auth_service.domain.oauth.client import Clients
from auth_service.domain.oauth.errors import InvalidToken
from auth_service.domain.oauth.id_token import HintReader
from auth_service.domain.sessions.status_list import PublishedStatuses
from auth_service.domain.signing_keys import PublishedKeys, Signer
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
from auth_service.use_cases.accounts.email_verification import EmailVerification, SendVerification
from auth_service.use_cases.accounts.login import Login, PasswordCheck
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
from auth_service.use_cases.oauth.token_issuer import TokenIssuer
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.security_events.poll import PollDelivery
from auth_service.use_cases.security_events.push import Outcome
from auth_service.use_cases.security_events.streams import StreamManagement
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.html.csrf import Cookies, FormGuard
from auth_service.web.long_polling import LongPolls


@dataclass(frozen=True, slots=True)
class SignalDesk:
    """What receivers can do: their streams, the poll, and what signs what a poll takes away."""

    streams: StreamManagement
    poll: PollDelivery
    clients: Clients
    signer: Signer
    count: Callable[[Outcome, int], object]

    def client(self) -> str:
        """Name the client that asks, by a token for itself alone; raises InvalidToken if it may not any more."""
        client_id = current_token.client_id
        client = self.clients.get(client_id) if client_id and current_token.session_id is None else None
        if client is None or not client.enabled:
            raise InvalidToken("this token was not issued to an enabled client for itself")
        return client.client_id


@dataclass(frozen=True, slots=True)
class Front:
    """One field for each thing that is done for people at a browser, and the guard of their forms."""

    read_request: AuthorizationRequestParser
    authorize: AuthorizationEndpoint
    who_is_there: AuthenticateBrowser
    enter: BeginBrowserSession
    read_log_out: LogoutRequestParser
    end_session: RpInitiatedLogout
    forms: FormGuard

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 (the parts that all of it is made of)
        cls,
        issuer: str,
        store: Store,
        clients: Clients,
        check: PasswordCheck,
        hints: HintReader,
        now: Clock,
    ) -> "Front":
        """Wire it."""
        return cls(
            read_request=AuthorizationRequestParser(clients, issuer),
            authorize=AuthorizationEndpoint(store, hints, now),
            who_is_there=AuthenticateBrowser(store, now),
            enter=BeginBrowserSession(store, check, now),
            read_log_out=LogoutRequestParser(clients, hints, issuer),
            end_session=RpInitiatedLogout(EndBrowserSession(store, now)),
            forms=FormGuard(Cookies(issuer), issuer, now),
        )


@dataclass(frozen=True, slots=True)
class ByMail:
    """One field for each thing that a mail is needed for."""

    ask_for_link: MagicLinkRequest
    redeem_link: MagicLinkLogin
    verify: EmailVerification
    ask_for_reset: PasswordResetRequest
    reset_password: PasswordReset

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 (the parts that all of it is made of)
        cls,
        store: Store,
        clients: Clients,
        issuing: TokenIssuer,
        enter: BeginBrowserSession,
        outbox: Outbox,
        hasher: PasswordHasher,
        judge: PasswordJudge,
    ) -> "ByMail":
        """Wire it."""
        issuer, now = issuing.issuer, issuing.now
        return cls(
            ask_for_link=MagicLinkRequest(store, outbox, issuer, now),
            redeem_link=MagicLinkLogin(store, clients, issuing, enter),
            verify=EmailVerification(store, SendVerification(outbox, issuer, now), now),
            ask_for_reset=PasswordResetRequest(store, outbox, issuer, now),
            reset_password=PasswordReset(store, hasher, now, judge),
        )


@dataclass(frozen=True, slots=True)
class Mint:
    """One field for each thing that the mint does for others."""

    issuer: str
    jwks_max_age: int
    register: Registration
    log_in: Login
    log_out: Logout
    change_password: PasswordChange
    authenticate: ClientAuthentication
    redeem: AuthorizationCodeGrant
    user_info: UserInfo
    front: Front
    by_mail: ByMail
    own_sessions: OwnSessions
    refresh: RefreshTokenGrant
    exchange: TokenExchangeGrant
    service_token: ClientCredentialsGrant
    revoke: Revocation
    introspect: Introspection
    keys: PublishedKeys
    statuses: PublishedStatuses
    waits: LongPolls
    signals: SignalDesk
    admin: Administration
    start_device: DeviceAuthorization
    device_grant: DeviceCodeGrant
    answer_device: DeviceApproval
