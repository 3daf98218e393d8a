"""What the pages can call: the use cases for people at a browser, wired."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Clients
from auth_service.domain.oauth.id_token import HintReader
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.accounts.browser_login import Enter, WhoIsThere
from auth_service.use_cases.accounts.login import PasswordCheck
from auth_service.use_cases.oauth.authorization_endpoint import Authorize
from auth_service.use_cases.oauth.authorization_request import ReadRequest
from auth_service.use_cases.oauth.rp_initiated_logout import EndSession, ReadLogOut
from auth_service.use_cases.sessions.browser_logout import Leave
from auth_service.web.browser import Cookies, FormGuard


@dataclass(frozen=True, slots=True)
class Front:
    """One field for each thing that is done for people at a browser, and the guard of their forms."""

    read_request: ReadRequest
    authorize: Authorize
    who_is_there: WhoIsThere
    enter: Enter
    read_log_out: ReadLogOut
    end_session: EndSession
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
            read_request=ReadRequest(clients, issuer),
            authorize=Authorize(store, hints, now),
            who_is_there=WhoIsThere(store, now),
            enter=Enter(store, check, now),
            read_log_out=ReadLogOut(clients, hints, issuer),
            end_session=EndSession(Leave(store, now)),
            forms=FormGuard(Cookies(issuer), issuer, now),
        )
