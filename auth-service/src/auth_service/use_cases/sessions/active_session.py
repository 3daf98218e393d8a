"""The active session and the enabled account behind an access token."""

from auth_service.domain.accounts.account import Account
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.sessions.session import Session
from auth_service.domain.unit_of_work import Transaction


def active_session(tx: Transaction, sub: str, sid: str | None, now: float) -> Session:
    """Return the active session that a token of this subject names; raise SessionOver."""
    session = tx.sessions.get(sid) if sid else None
    if session is None or session.sub != sub or not session.is_active(now):
        raise SessionOver("this session has ended")
    return session


def active_account(tx: Transaction, sub: str, sid: str | None, now: float) -> tuple[Session, Account]:
    """Return the active session and its account; raise SessionOver, also for a disabled account."""
    session = active_session(tx, sub, sid, now)
    account = tx.accounts.get(sub)
    if account is None or account.disabled:
        raise SessionOver("this account does not exist or is disabled")
    return session, account
