"""What the routes can call: the use cases of the domain, wired."""

from dataclasses import dataclass

from auth_service.domain.sessions.status_list import PublishedStatuses
from auth_service.domain.signing_keys import PublishedKeys
from auth_service.use_cases.accounts.change_password import ChangePassword
from auth_service.use_cases.accounts.login import LogIn
from auth_service.use_cases.accounts.register import Register
from auth_service.use_cases.admin import Administration
from auth_service.use_cases.oauth.authorization_code_grant import Redeem
from auth_service.use_cases.oauth.client_authentication import AuthenticateClient
from auth_service.use_cases.oauth.client_credentials_grant import ServiceToken
from auth_service.use_cases.oauth.device_approval import AnswerDevice
from auth_service.use_cases.oauth.device_authorization import StartDevice
from auth_service.use_cases.oauth.device_code_grant import DeviceGrant
from auth_service.use_cases.oauth.introspection import Introspect
from auth_service.use_cases.oauth.refresh_token_grant import Refresh
from auth_service.use_cases.oauth.revocation import Revoke
from auth_service.use_cases.oauth.token_exchange_grant import Exchange
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.logout import LogOut
from auth_service.use_cases.sessions.own_sessions import OwnSessions
from auth_service.web.by_mail import ByMail
from auth_service.web.front import Front
from auth_service.web.signal_desk import SignalDesk
from auth_service.web.waiting import WaitingRoom


@dataclass(frozen=True, slots=True)
class Mint:
    """One field for each thing that the mint does for others."""

    issuer: str
    jwks_max_age: int
    register: Register
    log_in: LogIn
    log_out: LogOut
    change_password: ChangePassword
    authenticate: AuthenticateClient
    redeem: Redeem
    user_info: UserInfo
    front: Front
    by_mail: ByMail
    own_sessions: OwnSessions
    refresh: Refresh
    exchange: Exchange
    service_token: ServiceToken
    revoke: Revoke
    introspect: Introspect
    keys: PublishedKeys
    statuses: PublishedStatuses
    waits: WaitingRoom
    signals: SignalDesk
    admin: Administration
    start_device: StartDevice
    device_grant: DeviceGrant
    answer_device: AnswerDevice
