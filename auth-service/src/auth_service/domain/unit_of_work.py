"""The unit of work: transactions and their repositories."""

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
    """The repositories of one transaction, which is committed as a whole or not at all."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    @property
    def sessions(self) -> Sessions:
        """The sessions."""

    @property
    def statuses(self) -> Statuses:
        """The status bits of sessions and clients."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """The refresh tokens."""

    @property
    def used_assertions(self) -> UsedAssertions:
        """The client assertions that were used."""

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
        """The browser sessions of auth-service's own pages."""

    @property
    def consents(self) -> Consents:
        """The consents given to third-party clients."""

    @property
    def hint_keys(self) -> HintKeys:
        """The public halves of former signing keys."""

    @property
    def failed_logins(self) -> FailedLogins:
        """The counts of failed log-ins."""

    @property
    def one_time_tokens(self) -> OneTimeTokens:
        """The mailed one-time tokens."""

    @property
    def listeners(self) -> Iterable[SessionListener]:
        """The listeners that `end_sessions` calls; none unless the store was given any."""

    def announce(self) -> None:
        """Wake the readers of published documents, in every process, after the commit."""


class Store(Protocol):
    """Opens transactions. Errors of the database pass through."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read only, without blocking a writer."""

    def joining(self) -> AbstractContextManager[Transaction]:
        """Read within this context's open transaction, or in a new one if there is none."""
