"""Sessions: one log-in of one account with one client."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth_service.domain.sessions.status_bits import StatusRef


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
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a reason, no secret
    ENDED_BY_ADMIN = "ended_by_admin"
    AUDIENCE_REMOVED = "audience_removed"
    ROLE_REMOVED = "role_removed"


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of one account with one client. Times are Unix seconds.

    `scopes` and `audiences` bound every token of the session; `requested` are the scopes that the client asked for,
    granted or not; if it named neither scopes nor audiences, they are empty. `methods` are those of RFC 8176. `expires_at` is absolute: no refresh moves it. `status` is the
    session's own bit until `tokens_until`, when its last token expires. `browser_session` is the digest of the browser
    session that it was opened through. `last_used_at`, `address` and `user_agent` are those of the log-in or the last
    refresh.
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

    def is_active(self, now: float) -> bool:
        """Return whether it has neither ended nor expired."""
        return self.ended_at is None and now < self.expires_at


class Sessions(Protocol):
    """Repository of sessions."""

    def add(self, session: Session) -> Session:
        """Store a new session under a free status bit, chosen at random; return it with that."""

    def get(self, sid: str) -> Session | None:
        """Return the session with this id, or None."""

    def list_active(self, sub: str, now: float) -> list[Session]:
        """Return the active sessions of an account, oldest first."""

    def list_active_of_client(self, client_id: str, now: float) -> list[Session]:
        """Return the active sessions of a client, oldest first."""

    def list_active_of_browser(self, digest: bytes, now: float) -> list[Session]:
        """Return the active sessions that were opened through a browser session, oldest first."""

    def list_page(self, sub: str | None, after: str | None, limit: int, now: float) -> list[Session]:
        """Return at most `limit` active sessions, of one account or of all, ascending by id, those after one id."""

    def move_browser(self, old: bytes, new: bytes) -> None:
        """Attach to one browser session what was opened through another."""

    def set_grant(self, sid: str, scopes: frozenset[str], audiences: tuple[str, ...]) -> None:
        """Replace the scopes and audiences that bound the tokens of a session."""

    def list_active_of_audience(self, audience: str, now: float) -> list[Session]:
        """Return the active sessions whose tokens may name an audience, oldest first."""

    def record_use(
        self, sid: str, at: float, address: str | None, user_agent: str | None, tokens_until: float
    ) -> None:
        """Record when, from which address and by which program an active session was used, and its new `tokens_until`."""

    def mark_ended(self, sids: Collection[str], reason: str, at: float) -> list[Session]:
        """Record the end of those that had not ended, and return them. For `end_sessions` alone."""
