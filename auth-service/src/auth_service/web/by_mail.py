"""What goes through people's mail: the use cases, wired."""

from dataclasses import dataclass

from auth_service.domain.browser import Enter
from auth_service.domain.clients import Clients
from auth_service.domain.issuing import Issuing
from auth_service.domain.magic import AskForLink, RedeemLink
from auth_service.domain.mail import Outbox
from auth_service.domain.store import Store


@dataclass(frozen=True, slots=True)
class ByMail:
    """One field for each thing that a mail is needed for."""

    ask_for_link: AskForLink
    redeem_link: RedeemLink

    @classmethod
    def of(cls, store: Store, clients: Clients, issuing: Issuing, enter: Enter, outbox: Outbox) -> "ByMail":
        """Wire it."""
        return cls(
            ask_for_link=AskForLink(store, outbox, issuing.issuer, issuing.now),
            redeem_link=RedeemLink(store, clients, issuing, enter),
        )
