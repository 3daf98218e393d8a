"""What the routes can call: the use cases of the domain, wired."""

from dataclasses import dataclass

from auth_service.domain.administration import Administration
from auth_service.domain.assertions import AuthenticateClient
from auth_service.domain.authorization_codes import Redeem
from auth_service.domain.device import DeviceGrant, StartDevice
from auth_service.domain.device_answers import AnswerDevice
from auth_service.domain.exchange import Exchange, ServiceToken
from auth_service.domain.keys import PublishedKeys
from auth_service.domain.login import LogIn
from auth_service.domain.logout import Introspect, LogOut, Revoke
from auth_service.domain.own_sessions import OwnSessions
from auth_service.domain.passwords import ChangePassword
from auth_service.domain.refresh import Refresh
from auth_service.domain.registration import Register
from auth_service.domain.status_lists import PublishedStatuses
from auth_service.domain.userinfo import UserInfo
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
