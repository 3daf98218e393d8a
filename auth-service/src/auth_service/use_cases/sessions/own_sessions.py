"""Somebody's own log-in sessions: where, when and with what each is used, and ending one."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Clients
from auth_service.domain.sessions.errors import UnknownSession
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.end_sessions import end_session, live_session

MOST = 200  # sessions that are listed


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One live session as its owner sees it."""

    session: Session
    client_name: str
    current: bool


@dataclass(frozen=True, slots=True)
class OwnSessions:
    """Shows somebody their live sessions, and ends those that they do not want. Raise SessionOver for a dead one."""

    store: Store
    clients: Clients
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> list[OwnSession]:
        """Return them, the current one first and then the most recently used, at most 200."""
        now = self.now()
        with self.store.reading() as tx:
            current = live_session(tx, sub, sid, now)
            living = tx.sessions.list_active(sub, now)
        living.sort(
            key=lambda each: (each.sid == current.sid, each.last_used_at or each.auth_time), reverse=True
        )
        return [self._seen(each, current) for each in living[:MOST]]

    def end(self, sub: str, sid: str | None, ending: str) -> None:
        """End one of them, which may be the current one; raise UnknownSession for what is not theirs, or not live."""
        now = self.now()
        with self.store.transaction() as tx:
            live_session(tx, sub, sid, now)
            session = tx.sessions.get(ending)
            if session is None or session.sub != sub or not session.live(now):
                raise UnknownSession("you have no session with this id")
            end_session(tx, ending, EndReason.ENDED_BY_OWNER, now, by=sub)

    def _seen(self, session: Session, current: Session) -> OwnSession:
        client = self.clients.get(session.client_id)
        return OwnSession(session, client.name if client else session.client_id, session.sid == current.sid)
