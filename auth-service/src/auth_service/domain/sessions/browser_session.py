"""TODO."""

from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.account import Account

BROWSER_SESSION_SECONDS = 12 * 3600.0  # seconds, absolute: using it does not make it longer


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Somebody logged in at the pages. Times are unix seconds; `methods` after RFC 8176."""

    digest: bytes
    sub: str
    methods: tuple[str, ...]
    auth_time: float
    created_at: float
    expires_at: float
    ended_at: float | None = None

    def live(self, now: float) -> bool:
        """Neither ended nor past its end."""
        return self.ended_at is None and now < self.expires_at


class BrowserSessions(Protocol):
    """Where browser sessions are kept."""

    def add(self, session: BrowserSession) -> None:
        """Store a new one."""

    def find_by_digest(self, digest: bytes) -> BrowserSession | None:
        """Find by the digest of its cookie, as it is now."""

    def mark_ended(self, digest: bytes, at: float) -> bool:
        """Record the end; False, and nothing changed, when it had ended before."""

    def mark_all_ended(self, sub: str, at: float, *, but: bytes | None = None) -> None:
        """Record the end of all of an account's, except perhaps one."""


@dataclass(frozen=True, slots=True)
class BrowserUser:
    """The live browser session that a cookie names, and whose it is."""

    session: BrowserSession
    account: Account
