"""Log-out, of one session or everywhere."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.end_sessions import end_all_sessions, end_session


@dataclass(frozen=True, slots=True)
class Logout:
    """Ends the session of a token, or all sessions of its account. It is idempotent."""

    store: Store
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> None:
        """End this session; raise SessionOver for a token that never had one."""
        with self.store.transaction() as tx:
            end_session(tx, _own(tx, sub, sid), EndReason.LOGGED_OUT, self.now(), by=sub)

    def with_browser_session(self, sub: str, sid: str | None) -> None:
        """End this session, the browser session that it was opened through, and the others opened through that.

        Raise SessionOver for a token that never had a session.
        """
        with self.store.reading() as tx:
            own = _own(tx, sub, sid)
        EndBrowserSession(self.store, self.now)(sub, None, own)

    def everywhere(self, sub: str, sid: str | None) -> None:
        """End every session of the account; raise SessionOver for a token that never had one."""
        with self.store.transaction() as tx:
            _own(tx, sub, sid)
            tx.accounts.get_for_update(sub)
            end_all_sessions(tx, sub, EndReason.LOGGED_OUT_EVERYWHERE, self.now(), by=sub)


def _own(tx: Transaction, sub: str, sid: str | None) -> str:
    session = tx.sessions.get(sid) if sid else None
    if session is None or session.sub != sub:
        raise SessionOver("this token has no session")
    return session.sid
