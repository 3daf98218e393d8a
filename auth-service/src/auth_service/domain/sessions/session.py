"""TODO."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth_service.domain.sessions.status_list import StatusRef


class EndReason(StrEnum):
    """Why a session ended, as it is recorded."""

    LOGGED_OUT = "logged_out"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    REVOKED = "revoked"
    REFRESH_REUSED = "refresh_reused"
    CODE_REUSED = "code_reused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, no secret
    ACCOUNT_DISABLED = "account_disabled"
    CLIENT_DISABLED = "client_disabled"
    ENDED_BY_OWNER = "ended_by_owner"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - likewise
    ENDED_BY_ADMIN = "ended_by_admin"


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of one account with one client. Times are unix seconds.

    `scopes` and `audiences` are the most that any token of the session may carry; `requested` are the scopes that
    the client asked for, some of which this account may not have been allowed. `expires_at` is absolute: no refresh
    moves it. `status` is the session's revocation bit, which is its own until `tokens_until`, when the last token of
    it has expired.
    `browser_session` is the digest of the mint's own browser session that it was opened through, if any.
    `last_used_at`, `address` and `user_agent` are those of the log-in, or of the last refresh.
    """

    sid: str
    sub: str
    client_id: str
    scopes: frozenset[str]
    audiences: tuple[str, ...]
    methods: tuple[str, ...]
    auth_time: float
    expires_at: float
    requested: frozenset[str] = frozenset()
    ended_at: float | None = None
    end_reason: str | None = None
    status: StatusRef | None = None
    tokens_until: float | None = None
    browser_session: bytes | None = None
    created_at: float | None = None
    last_used_at: float | None = None
    address: str | None = None
    user_agent: str | None = None

    def live(self, now: float) -> bool:
        """Neither ended nor past its absolute end."""
        return self.ended_at is None and now < self.expires_at


class Sessions(Protocol):
    """Where sessions are kept."""

    def add(self, session: Session) -> Session:
        """Store a new one, under a status that no other has, chosen by chance; return it with that."""

    def get(self, sid: str) -> Session | None:
        """Find by its id."""

    def list_active(self, sub: str, now: float) -> list[Session]:
        """All of an account's that are live, oldest first."""

    def list_active_of_client(self, client_id: str, now: float) -> list[Session]:
        """All of a client's that are live, oldest first."""

    def list_active_of_browser(self, digest: bytes, now: float) -> list[Session]:
        """All that were opened through a browser session and are live, oldest first."""

    def list_page(self, sub: str | None, after: str | None, limit: int, now: float) -> list[Session]:
        """Return at most so many that are live, of one account or of all, ascending by id from after one on."""

    def move_browser(self, old: bytes, new: bytes) -> None:
        """Count what was opened through one browser session as opened through another."""

    def record_use(
        self, sid: str, at: float, address: str | None, user_agent: str | None, tokens_until: float
    ) -> None:
        """Record when, from where and by what program a live session was last used, and what its tokens live now."""

    def mark_ended(self, sids: Collection[str], reason: str, at: float) -> list[Session]:
        """Record the end of those that had not ended before, and give them. For `end_sessions` alone."""
