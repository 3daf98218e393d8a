"""Browser sessions at auth-service's own pages, identified by a cookie of which only the digest is stored."""

from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.account import Account

BROWSER_SESSION_SECONDS = 12 * 3600.0  # absolute: use does not extend it


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One account logged in at one browser. Times are Unix seconds; `methods` after RFC 8176."""

    digest: bytes
    sub: str
    methods: tuple[str, ...]
    auth_time: float
    created_at: float
    expires_at: float
    ended_at: float | None = None

    def is_active(self, now: float) -> bool:
        """Return whether it has neither ended nor expired."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class BrowserUser:
    """An active browser session and its account."""

    session: BrowserSession
    account: Account


class BrowserSessions(Protocol):
    """Repository of browser sessions."""

    def add(self, session: BrowserSession) -> None:
        """Store a new session."""

    def find_by_digest(self, digest: bytes) -> BrowserSession | None:
        """Return the session with this cookie digest, or None."""

    def mark_ended(self, digest: bytes, at: float) -> bool:
        """Record the end; return False if it had ended before."""

    def mark_all_ended(self, sub: str, at: float, *, but: bytes | None = None) -> None:
        """Record the end of an account's sessions, except perhaps one."""
