"""Log-in sessions: what one is, who is still in one, and the one way in which any of them ends."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth_service.domain.audit import AuditEvent, Event
from auth_service.domain.errors import SessionOver
from auth_service.domain.signals import sessions_ended
from auth_service.domain.statuses import StatusRef
from auth_service.domain.store import Transaction


class EndReason(StrEnum):
    """Why a session ended, as it is recorded."""

    LOGGED_OUT = "logged_out"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    REVOKED = "revoked"
    REFRESH_REUSED = "refresh_reused"
    CODE_REUSED = "code_reused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 (a reason, no secret)
    ACCOUNT_DISABLED = "account_disabled"
    CLIENT_DISABLED = "client_disabled"
    ENDED_BY_OWNER = "ended_by_owner"
    PASSWORD_RESET = "password_reset"  # noqa: S105 (likewise)
    ENDED_BY_ADMIN = "ended_by_admin"


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of one account with one client. Times are unix seconds.

    ``scopes`` and ``audiences`` are the most that any token of the session may carry; ``requested`` are the scopes that
    the client asked for, some of which this account may not have been allowed. ``expires_at`` is absolute: no refresh
    moves it. ``status`` is the session's revocation bit, which is its own until ``tokens_until``, when the last token of
    it has expired.
    ``browser_session`` is the digest of the mint's own browser session that it was opened through, if any.
    ``last_used_at``, ``address`` and ``user_agent`` are those of the log-in, or of the last refresh.
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
        """Keep a new one, under a status that no other has, chosen by chance; gives it with that."""

    def get(self, sid: str) -> Session | None:
        """Find by its id."""

    def living(self, sub: str, now: float) -> list[Session]:
        """All of an account's that are live, oldest first."""

    def living_of_client(self, client_id: str, now: float) -> list[Session]:
        """All of a client's that are live, oldest first."""

    def living_of_browser(self, digest: bytes, now: float) -> list[Session]:
        """All that were opened through a browser session and are live, oldest first."""

    def page(self, sub: str | None, after: str | None, limit: int, now: float) -> list[Session]:
        """Give at most so many that are live, of one account or of all, ascending by id from after one on."""

    def move_browser(self, old: bytes, new: bytes) -> None:
        """Count what was opened through one browser session as opened through another."""

    def touch(
        self, sid: str, at: float, address: str | None, user_agent: str | None, tokens_until: float
    ) -> None:
        """Record when, from where and by what program a live session was last used, and what its tokens live now."""

    def mark_ended(self, sids: Collection[str], reason: str, at: float) -> list[Session]:
        """Record the end of those that had not ended before, and give them. For ``end_sessions`` alone."""


def live_session(tx: Transaction, sub: str, sid: str | None, now: float) -> Session:
    """Give the live session that a token of this subject names; raises SessionOver."""
    session = tx.sessions.get(sid) if sid else None
    if session is None or session.sub != sub or not session.live(now):
        raise SessionOver("this session has ended")
    return session


def end_sessions(
    tx: Transaction, sids: Collection[str], reason: EndReason, at: float, *, by: str | None = None
) -> list[str]:
    """End sessions, however many. Every way in which one ends leads through here, and nothing else ends one.

    From the commit on no refresh token of them gives a successor, no token of them is exchanged, their status says
    so to every verifier, and whoever listens for signals is told. Gives the ids of those that had not ended
    before; ending twice changes nothing. ``by`` is whoever wanted it, where that is known.
    """
    ended = tx.sessions.mark_ended(sids, reason, at)
    if ended:
        tx.statuses.revoke([session.status for session in ended if session.status is not None], at)
        tx.audit.record(*(_ended(session, reason, by) for session in ended))
        sessions_ended(tx, ended, reason, at)
    return [session.sid for session in ended]


def end_session(tx: Transaction, sid: str, reason: EndReason, at: float, *, by: str | None = None) -> bool:
    """End one session, as ``end_sessions`` does; False when it had ended before."""
    return bool(end_sessions(tx, [sid], reason, at, by=by))


def _ended(session: Session, reason: EndReason, by: str | None) -> AuditEvent:
    return AuditEvent(
        Event.SESSION_ENDED,
        actor=by,
        subject=session.sub,
        client_id=session.client_id,
        session_id=session.sid,
        detail={"reason": str(reason)},
    )


def end_all_sessions(  # noqa: PLR0913 (the last two by name)
    tx: Transaction,
    sub: str,
    reason: EndReason,
    at: float,
    *,
    but: str | None = None,
    by: str | None = None,
) -> list[str]:
    """End every live session of an account, except perhaps one; gives the ids of those that ended.

    Its browser sessions at the mint end with them, or their cookies would open new ones.
    """
    kept = tx.sessions.get(but) if but else None
    tx.browser_sessions.end_all(sub, at, but=kept.browser_session if kept else None)
    sids = [session.sid for session in tx.sessions.living(sub, at) if session.sid != but]
    return end_sessions(tx, sids, reason, at, by=by)


def end_client_tokens(
    tx: Transaction, client_id: str, reason: EndReason, at: float, *, by: str | None = None
) -> bool:
    """End the tokens that a client got for itself (`client_credentials`). Nothing else ends them.

    From the commit on their status says so to every verifier. The client's next token gets another status, so it is
    valid while those stay revoked. Return False if there were none.
    """
    status = tx.statuses.take_from_client(client_id)
    if status is None:
        return False
    tx.statuses.revoke([status], at)
    tx.audit.record(
        AuditEvent(Event.CLIENT_TOKENS_ENDED, actor=by, client_id=client_id, detail={"reason": str(reason)})
    )
    return True


def end_sessions_of_client(tx: Transaction, client_id: str, at: float, *, by: str | None = None) -> list[str]:
    """End every live session of a client that is disabled, and its own tokens; gives the ids of the sessions."""
    end_client_tokens(tx, client_id, EndReason.CLIENT_DISABLED, at, by=by)
    sids = [session.sid for session in tx.sessions.living_of_client(client_id, at)]
    return end_sessions(tx, sids, EndReason.CLIENT_DISABLED, at, by=by)
