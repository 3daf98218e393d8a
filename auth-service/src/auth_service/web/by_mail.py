"""What goes through people's mail: the use cases, wired."""

from dataclasses import dataclass

from auth_service.domain.accounts.password import PasswordHasher, PasswordJudge
from auth_service.domain.email import Outbox
from auth_service.domain.oauth.client import Clients
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.accounts.browser_login import Enter
from auth_service.use_cases.accounts.email_verification import Verify, Welcome
from auth_service.use_cases.accounts.magic_link import AskForLink, RedeemLink
from auth_service.use_cases.accounts.password_reset import AskForReset, ResetPassword
from auth_service.use_cases.oauth.token_issuer import Issuing


@dataclass(frozen=True, slots=True)
class ByMail:
    """One field for each thing that a mail is needed for."""

    ask_for_link: AskForLink
    redeem_link: RedeemLink
    verify: Verify
    ask_for_reset: AskForReset
    reset_password: ResetPassword

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 (the parts that all of it is made of)
        cls,
        store: Store,
        clients: Clients,
        issuing: Issuing,
        enter: Enter,
        outbox: Outbox,
        hasher: PasswordHasher,
        judge: PasswordJudge,
    ) -> "ByMail":
        """Wire it."""
        issuer, now = issuing.issuer, issuing.now
        return cls(
            ask_for_link=AskForLink(store, outbox, issuer, now),
            redeem_link=RedeemLink(store, clients, issuing, enter),
            verify=Verify(store, Welcome(outbox, issuer, now), now),
            ask_for_reset=AskForReset(store, outbox, issuer, now),
            reset_password=ResetPassword(store, hasher, now, judge),
        )
