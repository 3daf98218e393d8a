"""The sessions of the account that is logged in."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Clients
from auth_service.domain.sessions.errors import UnknownSession
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.active_session import active_session
from auth_service.use_cases.sessions.end_sessions import end_session

MAX_LISTED = 200


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One active session as its owner sees it."""

    session: Session
    client_name: str
    current: bool


@dataclass(frozen=True, slots=True)
class OwnSessions:
    """Lists and ends the active sessions of an account. Both methods raise SessionOver if the session itself has ended."""

    store: Store
    clients: Clients
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> list[OwnSession]:
        """Return at most 200 sessions, the current one first, then the most recently used."""
        now = self.now()
        with self.store.reading() as tx:
            current = active_session(tx, sub, sid, now)
            living = tx.sessions.list_active(sub, now)
        living.sort(
            key=lambda each: (each.sid == current.sid, each.last_used_at or each.auth_time), reverse=True
        )
        return [self._view(each, current) for each in living[:MAX_LISTED]]

    def end(self, sub: str, sid: str | None, ending: str) -> None:
        """End one of them; raise UnknownSession if it belongs to another account, or is not live."""
        now = self.now()
        with self.store.transaction() as tx:
            active_session(tx, sub, sid, now)
            session = tx.sessions.get(ending)
            if session is None or session.sub != sub or not session.is_active(now):
                raise UnknownSession("you have no session with this id")
            end_session(tx, ending, EndReason.ENDED_BY_OWNER, now, by=sub)

    def _view(self, session: Session, current: Session) -> OwnSession:
        client = self.clients.get(session.client_id)
        return OwnSession(session, client.name if client else session.client_id, session.sid == current.sid)
