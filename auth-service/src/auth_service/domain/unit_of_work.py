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
from auth_service.domain.oauth.registry import RegistryRows
from auth_service.domain.sessions.browser_session import BrowserSessions
from auth_service.domain.sessions.listener import SessionListener
from auth_service.domain.sessions.session import Sessions
from auth_service.domain.sessions.status_bits import Statuses


class Transaction(Protocol):
    """The repositories of one transaction, which is committed as a whole or not at all."""

    accounts: Accounts
    sessions: Sessions
    statuses: Statuses  # of sessions and clients
    refresh_tokens: RefreshTokens
    used_assertions: UsedAssertions  # client assertions
    device_codes: DeviceCodes
    clients: RegisteredClients  # at run time, not in files
    registry: RegistryRows
    audit: AuditLog
    authorization_codes: AuthorizationCodes
    browser_sessions: BrowserSessions  # of auth-service's own pages
    consents: Consents
    hint_keys: HintKeys  # public halves of former signing keys
    failed_logins: FailedLogins
    one_time_tokens: OneTimeTokens
    listeners: Iterable[SessionListener]  # called by `end_sessions`; none unless the store was given any

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
