"""Sessions in the database."""

# ruff: noqa: D102 (what each method promises stands at the domain's port)

from dataclasses import replace

from sqlalchemy import Select, Update, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Db

from auth_service.domain.sessions import Session
from auth_service.domain.statuses import StatusRef
from auth_service.storage.dialects import affected
from auth_service.storage.statuses import SqlStatuses
from auth_service.storage.tables import Base, SessionRow

_TABLE = Base.metadata.tables["sessions"]
_STATUS = ["status_list", "status_index"]
_ADD = {  # made once, and past the ORM: it runs in every log-in; a status that is taken is no error
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(index_elements=_STATUS),
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(index_elements=_STATUS),
}


class SqlSessions:
    """The domain's Sessions, inside one transaction."""

    def __init__(self, db: Db, statuses: SqlStatuses) -> None:
        self._db, self._statuses = db, statuses

    def add(self, session: Session) -> Session:
        statement = _ADD[self._db.get_bind().dialect.name]
        values = {
            "sid": session.sid,
            "sub": session.sub,
            "client_id": session.client_id,
            "scopes": " ".join(sorted(session.scopes)),
            "audiences": " ".join(session.audiences),
            "methods": " ".join(session.methods),
            "auth_time": session.auth_time,
            "expires_at": session.expires_at,
            "ended_at": session.ended_at,
            "end_reason": session.end_reason,
            "tokens_until": session.tokens_until,
            "browser_session": session.browser_session,
            "created_at": session.created_at,
            "last_used_at": session.last_used_at,
            "address": session.address,
            "user_agent": session.user_agent,
        }
        status = next(
            ref
            for ref in self._statuses.choices()
            if affected(self._db, statement, values | {"status_list": ref.number, "status_index": ref.idx})
        )
        return replace(session, status=status)

    def get(self, sid: str) -> Session | None:
        row = self._db.scalar(_fresh(select(SessionRow).where(SessionRow.sid == sid)))
        return None if row is None else _session(row)

    def living(self, sub: str, now: float) -> list[Session]:
        return self._living(select(SessionRow).where(SessionRow.sub == sub), now)

    def living_of_client(self, client_id: str, now: float) -> list[Session]:
        return self._living(select(SessionRow).where(SessionRow.client_id == client_id), now)

    def living_of_browser(self, digest: bytes, now: float) -> list[Session]:
        return self._living(select(SessionRow).where(SessionRow.browser_session == digest), now)

    def page(self, sub: str | None, after: str | None, limit: int, now: float) -> list[Session]:
        live = select(SessionRow).where(SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
        if sub is not None:
            live = live.where(SessionRow.sub == sub)
        if after is not None:
            live = live.where(SessionRow.sid > after)
        return [_session(row) for row in self._db.scalars(_fresh(live.order_by(SessionRow.sid).limit(limit)))]

    def move_browser(self, old: bytes, new: bytes) -> None:
        moved = update(SessionRow).where(SessionRow.browser_session == old).values(browser_session=new)
        self._db.execute(moved.execution_options(synchronize_session=False))

    def _living(self, rows: Select[SessionRow], now: float) -> list[Session]:
        live = rows.where(SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
        return [
            _session(row)
            for row in self._db.scalars(_fresh(live.order_by(SessionRow.auth_time, SessionRow.sid)))
        ]

    def touch(
        self, sid: str, at: float, address: str | None, user_agent: str | None, tokens_until: float
    ) -> None:
        used = {
            "last_used_at": at,
            "address": address,
            "user_agent": user_agent,
            "tokens_until": tokens_until,
        }
        self._db.execute(_unended(sid).values(**used))

    def mark_ended(self, sid: str, reason: str, at: float) -> Session | None:
        over = _unended(sid).values(ended_at=at, end_reason=reason, tokens_until=None)
        row = self._db.scalar(over.returning(SessionRow).execution_options(populate_existing=True))
        return None if row is None else _session(row)


def _unended(sid: str) -> Update:
    unended = update(SessionRow).where(SessionRow.sid == sid, SessionRow.ended_at.is_(None))
    return unended.execution_options(synchronize_session=False)


def _fresh(rows: Select[SessionRow]) -> Select[SessionRow]:
    """Read what the database says now, not what this transaction saw before."""
    return rows.execution_options(populate_existing=True)


def _session(row: SessionRow) -> Session:
    return Session(
        sid=row.sid,
        sub=row.sub,
        client_id=row.client_id,
        scopes=frozenset(row.scopes.split()),
        audiences=tuple(row.audiences.split()),
        methods=tuple(row.methods.split()),
        auth_time=row.auth_time,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        status=StatusRef.of(row.status_list, row.status_index),
        tokens_until=row.tokens_until,
        browser_session=row.browser_session,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        address=row.address,
        user_agent=row.user_agent,
    )
