"""The use cases, as routes call them."""

from collections.abc import Callable
from dataclasses import dataclass

from auth_service.signing.key_ring import KeyRing
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
from auth_service.use_cases.accounts.demo_accounts import DemoLogin
from auth_service.use_cases.accounts.demo_tokens import DemoTokens
from auth_service.use_cases.accounts.email_verification import EmailVerification
from auth_service.use_cases.accounts.login import Login
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
from auth_service.use_cases.oauth.client_origins import ClientOrigins
from auth_service.use_cases.oauth.device_approval import DeviceApproval
from auth_service.use_cases.oauth.device_authorization import DeviceAuthorization
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.refresh_token_grant import RefreshTokenGrant
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequestParser, RpInitiatedLogout
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.html.csrf import FormGuard
from auth_service.web.long_polling import LongPolls


@dataclass(frozen=True, slots=True)
class UseCases:
    """One field for each use case, and what routes need beside them."""

    issuer: str
    jwks_max_age: int  # seconds
    signing_keys: KeyRing
    status_lists: StatusLists
    long_polls: LongPolls
    forms: FormGuard
    admin: Administration
    demo_login: DemoLogin | None
    published_scopes: Callable[[], frozenset[str]]

    registration: Registration
    login: Login
    demo_tokens: DemoTokens
    password_change: PasswordChange
    email_verification: EmailVerification
    magic_link_request: MagicLinkRequest
    magic_link_login: MagicLinkLogin
    password_reset_request: PasswordResetRequest
    password_reset: PasswordReset

    begin_browser_session: BeginBrowserSession
    authenticate_browser: AuthenticateBrowser
    logout: Logout
    own_sessions: OwnSessions

    authorization_request_parser: AuthorizationRequestParser
    authorization_endpoint: AuthorizationEndpoint
    client_authentication: ClientAuthentication
    client_origins: ClientOrigins
    authorization_code_grant: AuthorizationCodeGrant
    refresh_token_grant: RefreshTokenGrant
    client_credentials_grant: ClientCredentialsGrant
    token_exchange_grant: TokenExchangeGrant
    device_authorization: DeviceAuthorization
    device_approval: DeviceApproval
    device_code_grant: DeviceCodeGrant
    introspection: Introspection
    revocation: Revocation
    userinfo: UserInfo
    logout_request_parser: LogoutRequestParser
    rp_initiated_logout: RpInitiatedLogout
