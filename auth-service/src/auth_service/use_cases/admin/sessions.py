"""Administration of sessions."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.sessions.errors import UnknownSession
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.end_sessions import end_session


@dataclass(frozen=True, slots=True)
class SessionAdmin:
    """Lists and ends sessions of any account."""

    store: Store
    now: Clock

    def page(self, sub: str | None, after: str | None, limit: int) -> list[Session]:
        """Return at most `limit` active sessions, of one account or of all, ascending by id, those after one id."""
        with self.store.reading() as tx:
            return tx.sessions.list_page(sub, after, limit, self.now())

    def end(self, sid: str, by: str | None = None) -> bool:
        """End a session; return False if it had ended before. Raise UnknownSession."""
        with self.store.transaction() as tx:
            if tx.sessions.get(sid) is None:
                raise UnknownSession("no session has this id")
            return end_session(tx, sid, EndReason.ENDED_BY_ADMIN, self.now(), by=by)
