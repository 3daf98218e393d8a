"""The port to what is kept: transactions, and the repositories that take part in them."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the repositories' ports lie beside the rules that need them, and those need this
    from auth_service.domain.accounts import Accounts
    from auth_service.domain.assertions import Assertions
    from auth_service.domain.audit import Audit
    from auth_service.domain.authorization_codes import AuthorizationCodes
    from auth_service.domain.browser import BrowserSessions
    from auth_service.domain.client_admin import RegisteredClients
    from auth_service.domain.consents import Consents
    from auth_service.domain.device_codes import DeviceCodes
    from auth_service.domain.hints import HintKeys
    from auth_service.domain.one_time import OneTimeTokens
    from auth_service.domain.refresh_tokens import RefreshTokens
    from auth_service.domain.sessions import Sessions
    from auth_service.domain.signals import Signals
    from auth_service.domain.slowdown import SlowDowns
    from auth_service.domain.statuses import Statuses
    from auth_service.domain.streams import Streams


class Transaction(Protocol):
    """One unit of work: everything done through it holds together, or not at all."""

    @property
    def accounts(self) -> "Accounts":
        """The accounts."""

    @property
    def sessions(self) -> "Sessions":
        """The log-in sessions."""

    @property
    def statuses(self) -> "Statuses":
        """The sessions' revocation bits."""

    @property
    def refresh_tokens(self) -> "RefreshTokens":
        """The refresh tokens."""

    @property
    def assertions(self) -> "Assertions":
        """The client assertions already used."""

    @property
    def device_codes(self) -> "DeviceCodes":
        """The device authorizations."""

    @property
    def clients(self) -> "RegisteredClients":
        """The clients registered at run time."""

    @property
    def audit(self) -> "Audit":
        """The audit log."""

    @property
    def authorization_codes(self) -> "AuthorizationCodes":
        """The authorization codes."""

    @property
    def browser_sessions(self) -> "BrowserSessions":
        """The browser sessions of the mint's own pages."""

    @property
    def consents(self) -> "Consents":
        """What people have allowed third-party clients."""

    @property
    def hint_keys(self) -> "HintKeys":
        """The public halves of former signing keys."""

    @property
    def slow_downs(self) -> "SlowDowns":
        """Failed log-ins."""

    @property
    def one_time_tokens(self) -> "OneTimeTokens":
        """The tokens and codes that were mailed."""

    @property
    def signals(self) -> "Signals":
        """What systems that are not ours are still to be told."""

    @property
    def streams(self) -> "Streams":
        """Over which they are told."""

    def announce(self) -> None:
        """Wake whoever waits for published documents, in every process, once this is committed."""


class Store(Protocol):
    """Opens transactions. What the database itself raises passes through: it is nobody's decision here."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read only, and never in a writer's way."""

    def joining(self) -> AbstractContextManager[Transaction]:
        """Read within the transaction that this context is in; in one of its own when it is in none."""
