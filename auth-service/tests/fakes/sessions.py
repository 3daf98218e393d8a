"""Sessions, browser sessions and status bits in dictionaries."""

from dataclasses import dataclass, replace

from auth_service.domain.sessions.status_bits import Bit, Changes, ReadPosition, StatusRef
from auth_service.domain.sessions.status_list import LIST_SIZE

from .clock import START


@dataclass
class MemorySessions:
    rows: dict
    statuses: object

    def add(self, session):
        self.rows[session.sid] = replace(session, status=self.statuses.free())
        return self.rows[session.sid]

    def get(self, sid):
        return self.rows.get(sid)

    def list_active(self, sub, now):
        return self._living(now, lambda each: each.sub == sub)

    def list_active_of_client(self, client_id, now):
        return self._living(now, lambda each: each.client_id == client_id)

    def list_active_of_browser(self, digest, now):
        return self._living(now, lambda each: each.browser_session == digest)

    def list_active_of_audience(self, audience, now):
        return self._living(now, lambda session: audience in session.audiences)

    def set_grant(self, sid, scopes, audiences):
        self.rows[sid] = replace(self.rows[sid], scopes=scopes, audiences=audiences)

    def move_browser(self, old, new):
        for sid, session in self.rows.items():
            if session.browser_session == old:
                self.rows[sid] = replace(session, browser_session=new)

    def _living(self, now, wanted):
        found = [each for each in self.rows.values() if each.is_active(now) and wanted(each)]
        return sorted(found, key=lambda each: (each.auth_time, each.sid))

    def list_page(self, sub, after, limit, now):
        found = self._living(
            now, lambda each: sub in {None, each.sub} and (after is None or each.sid > after)
        )
        return sorted(found, key=lambda each: each.sid)[:limit]

    def record_use(self, sid, at, address, user_agent, tokens_until):
        facts = {"last_used_at": at, "address": address, "user_agent": user_agent}
        self.rows[sid] = replace(self.rows[sid], tokens_until=tokens_until, **facts)

    def mark_ended(self, sids, reason, at):
        found = [self.rows[sid] for sid in sorted(sids) if sid in self.rows]
        over = {"ended_at": at, "end_reason": str(reason), "tokens_until": None}
        ended = [replace(session, **over) for session in found if session.ended_at is None]
        self.rows.update({session.sid: session for session in ended})
        return ended


@dataclass
class MemoryBrowsers:
    rows: dict

    def add(self, session):
        self.rows[session.digest] = session

    def find_by_digest(self, digest):
        return self.rows.get(digest)

    def mark_ended(self, digest, at):
        session = self.rows.get(digest)
        if session is None or session.ended_at is not None:
            return False
        self.rows[digest] = replace(session, ended_at=at)
        return True

    def mark_all_ended(self, sub, at, *, but=None):
        for digest, session in list(self.rows.items()):
            if session.sub == sub and digest != but:
                self.mark_ended(digest, at)


@dataclass
class MemoryStatuses:
    """`bits` gives the number of the change that set each; the next free index is the next session's."""

    bits: dict
    sessions: dict
    clients: dict

    def add_first_list(self):
        """There is always one list."""

    def free(self):
        return StatusRef(1, sum(each.status is not None for each in self.sessions.values()))

    def assign_to_session(self, sid):
        session = self.sessions.get(sid)
        if session is not None and session.status is None:
            session = self.sessions[sid] = replace(session, status=self.free())
        return session.status if session else None

    def get_or_assign_to_client(self, client_id):
        free = StatusRef(1, LIST_SIZE - 1 - len(self.clients) - len(self.bits))
        return self.clients.setdefault(client_id, free)

    def find_by_client(self, client_id):
        return self.clients.get(client_id)

    def remove_from_client(self, client_id):
        return self.clients.pop(client_id, None)

    def revoke(self, refs, at):
        for ref in refs:
            self.bits.setdefault(ref, len(self.bits) + 1)

    def changes_since(self, since):
        seen = since.number if since else 1
        bits = [Bit(*ref, revoked=True) for ref, change in self.bits.items() if change >= seen]
        return Changes(bits, {1: LIST_SIZE}, ReadPosition(len(self.bits) + 1, float(START)), since is None)
