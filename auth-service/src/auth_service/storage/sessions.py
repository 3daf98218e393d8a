"""Sessions in the database."""

# ruff: noqa: D102 (what each method promises stands at the domain's port)

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.sessions import Session
from auth_service.storage.dialects import affected
from auth_service.storage.tables import SessionRow


class SqlSessions:
    """The domain's Sessions, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, session: Session) -> None:
        self._db.add(
            SessionRow(
                sid=session.sid,
                sub=session.sub,
                client_id=session.client_id,
                scopes=" ".join(sorted(session.scopes)),
                audiences=" ".join(session.audiences),
                methods=" ".join(session.methods),
                auth_time=session.auth_time,
                expires_at=session.expires_at,
                ended_at=session.ended_at,
                end_reason=session.end_reason,
                status_list=session.status_list,
                status_index=session.status_index,
                browser_session=session.browser_session,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                address=session.address,
                user_agent=session.user_agent,
            )
        )
        self._db.flush()

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

    def touch(self, sid: str, at: float, address: str | None, user_agent: str | None) -> None:
        unended = update(SessionRow).where(SessionRow.sid == sid, SessionRow.ended_at.is_(None))
        self._db.execute(unended.values(last_used_at=at, address=address, user_agent=user_agent))

    def mark_ended(self, sid: str, reason: str, at: float) -> bool:
        unended = update(SessionRow).where(SessionRow.sid == sid, SessionRow.ended_at.is_(None))
        return affected(self._db, unended.values(ended_at=at, end_reason=reason)) == 1


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
        status_list=row.status_list,
        status_index=row.status_index,
        browser_session=row.browser_session,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        address=row.address,
        user_agent=row.user_agent,
    )
