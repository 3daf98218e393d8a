"""Log-out at a browser."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.end_sessions import end_session


@dataclass(frozen=True, slots=True)
class EndBrowserSession:
    """Ends a browser session and every session that was opened through it."""

    store: Store
    now: Clock

    def __call__(self, sub: str, browser: bytes | None, sid: str | None = None) -> None:
        """End the browser session, the sessions opened through it, and session `sid`; only those of this account.

        Without `browser` it is the browser session that `sid` was opened through.
        """
        now = self.now()
        with self.store.transaction() as tx:
            tx.accounts.get_for_update(sub)
            named = tx.sessions.get(sid) if sid else None
            if named is not None and named.sub == sub:
                end_session(tx, named.sid, EndReason.LOGGED_OUT, now, by=sub)
                browser = browser or named.browser_session
            session = tx.browser_sessions.find_by_digest(browser) if browser else None
            if session is None or session.sub != sub:
                return
            tx.browser_sessions.mark_ended(session.digest, now)
            for opened in tx.sessions.list_active_of_browser(session.digest, now):
                end_session(tx, opened.sid, EndReason.LOGGED_OUT, now, by=sub)
