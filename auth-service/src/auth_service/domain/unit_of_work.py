"""The port to what is kept: transactions, and the repositories that take part in them."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from auth_service.domain.accounts.account import Accounts
from auth_service.domain.accounts.failed_logins import FailedLogins
from auth_service.domain.accounts.one_time_token import OneTimeTokens
from auth_service.domain.audit_log import AuditLog
from auth_service.domain.oauth.authorization_code import AuthorizationCodes
from auth_service.domain.oauth.client import RegisteredClients
from auth_service.domain.oauth.client_assertion import UsedAssertions
from auth_service.domain.oauth.consent import Consents
from auth_service.domain.oauth.device_code import DeviceCodes
from auth_service.domain.oauth.id_token import HintKeys
from auth_service.domain.oauth.refresh_token import RefreshTokens
from auth_service.domain.sessions.browser_session import BrowserSessions
from auth_service.domain.sessions.listener import SessionListener
from auth_service.domain.sessions.session import Sessions
from auth_service.domain.sessions.status_bits import Statuses


class Transaction(Protocol):
    """One unit of work: everything done through it holds together, or not at all."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    @property
    def sessions(self) -> Sessions:
        """The log-in sessions."""

    @property
    def statuses(self) -> Statuses:
        """The sessions' revocation bits."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """The refresh tokens."""

    @property
    def used_assertions(self) -> UsedAssertions:
        """The client assertions already used."""

    @property
    def device_codes(self) -> DeviceCodes:
        """The device authorizations."""

    @property
    def clients(self) -> RegisteredClients:
        """The clients registered at run time."""

    @property
    def audit(self) -> AuditLog:
        """The audit log."""

    @property
    def authorization_codes(self) -> AuthorizationCodes:
        """The authorization codes."""

    @property
    def browser_sessions(self) -> BrowserSessions:
        """The browser sessions of the mint's own pages."""

    @property
    def consents(self) -> Consents:
        """What people have allowed third-party clients."""

    @property
    def hint_keys(self) -> HintKeys:
        """The public halves of former signing keys."""

    @property
    def failed_logins(self) -> FailedLogins:
        """Failed log-ins."""

    @property
    def one_time_tokens(self) -> OneTimeTokens:
        """The tokens and codes that were mailed."""

    @property
    def listeners(self) -> Iterable[SessionListener]:
        """The parts that `end_sessions` calls in this transaction; none unless the store was given any."""

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
