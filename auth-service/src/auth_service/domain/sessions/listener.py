"""The port over which other parts learn that sessions ended or a password changed."""

from collections.abc import Collection
from typing import Protocol

from auth_service.domain.sessions.session import EndReason, Session


class SessionListener(Protocol):
    """Called inside the transaction of the change, so what it stores is committed with the change or not at all.

    `use_cases.sessions.end_sessions` alone calls it.
    """

    def sessions_ended(self, sessions: Collection[Session], reason: EndReason, at: float) -> None:
        """Record that these sessions ended; `at` is Unix seconds."""

    def password_changed(self, sub: str, reason: EndReason, at: float) -> None:
        """Record that an account has another password; `reason` is PASSWORD_CHANGED or PASSWORD_RESET."""
