"""Sessions in the database."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    bindparam,
    literal,
    null,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Db

from auth_service.domain.sessions.session import Session
from auth_service.domain.sessions.status_bits import StatusRef
from auth_service.storage.dialects import affected
from auth_service.storage.status_bits import SqlStatuses
from auth_service.storage.tables import SessionRow, record_of, values_of

# Without the ORM, and compiled once: log-ins, refreshes and session ends are frequent and wait for each other.
_TABLE = cast("Table", SessionRow.__table__)
_row = _TABLE.c
_STATUS = ["status_list", "status_index"]
_ADD: dict[str, Any] = {  # a taken status bit is no error
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(index_elements=_STATUS),
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(index_elements=_STATUS),
}
_GET = select(_TABLE).where(_row.sid == bindparam("wanted"))
_UNENDED = update(_TABLE).where(_row.sid == bindparam("wanted"), _row.ended_at.is_(None))
_TOUCH = _UNENDED.values(
    {name: bindparam(name) for name in ("last_used_at", "address", "user_agent", "tokens_until")}
)
_SOME: Any = _row.sid.in_(bindparam("wanted", expanding=True))
# always in this order, or two transactions could deadlock
_LOCK = select(_row.sid).where(_SOME).order_by(_row.sid).with_for_update()
_END = (
    update(_TABLE)
    .where(_SOME, _row.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"), tokens_until=null())
    .returning(*_row)
)
AT_ONCE = 1000  # rows of one statement


class SqlSessions:
    """The domain's `Sessions`, inside one transaction."""

    def __init__(self, db: Db, statuses: SqlStatuses) -> None:
        self._db, self._statuses = db, statuses

    def add(self, session: Session) -> Session:
        statement = _ADD[self._db.get_bind().dialect.name]
        values = values_of(session)
        del values["status"]
        status = next(
            ref
            for ref in self._statuses.choices()
            if affected(self._db, statement, values | {"status_list": ref.number, "status_index": ref.idx})
        )
        return replace(session, status=status)

    def get(self, sid: str) -> Session | None:
        row = self._db.connection().execute(_GET, {"wanted": sid}).one_or_none()
        return None if row is None else _session(row)

    def list_active(self, sub: str, now: float) -> list[Session]:
        return self._list_active(_row.sub == sub, now)

    def list_active_of_client(self, client_id: str, now: float) -> list[Session]:
        return self._list_active(_row.client_id == client_id, now)

    def list_active_of_browser(self, digest: bytes, now: float) -> list[Session]:
        return self._list_active(_row.browser_session == digest, now)

    def list_active_of_audience(self, audience: str, now: float) -> list[Session]:
        names = literal(" ") + type_coerce(_row.audiences, String) + " "
        return self._list_active(names.contains(f" {audience} ", autoescape=True), now)

    def list_page(self, sub: str | None, after: str | None, limit: int, now: float) -> list[Session]:
        found = _active(now)
        if sub is not None:
            found = found.where(_row.sub == sub)
        if after is not None:
            found = found.where(_row.sid > after)
        return self._all(found.order_by(_row.sid).limit(limit))

    def set_grant(self, sid: str, scopes: frozenset[str], audiences: tuple[str, ...]) -> None:
        changed = update(_TABLE).where(_row.sid == sid).values(scopes=scopes, audiences=audiences)
        self._db.connection().execute(changed)

    def move_browser(self, old: bytes, new: bytes) -> None:
        moved = update(_TABLE).where(_row.browser_session == old).values(browser_session=new)
        self._db.connection().execute(moved)

    def record_use(
        self, sid: str, at: float, address: str | None, user_agent: str | None, tokens_until: float
    ) -> None:
        used = {
            "last_used_at": at,
            "address": address,
            "user_agent": user_agent,
            "tokens_until": tokens_until,
        }
        self._db.connection().execute(_TOUCH, used | {"wanted": sid})

    def mark_ended(self, sids: Collection[str], reason: str, at: float) -> list[Session]:
        db, ordered = self._db.connection(), sorted(sids)
        ended: list[Any] = []
        for first in range(0, len(ordered), AT_ONCE):
            some = ordered[first : first + AT_ONCE]
            if len(ordered) > 1:
                db.execute(_LOCK, {"wanted": some})
            ended += db.execute(_END, {"wanted": some, "reason": reason, "at": at}).all()
        return sorted(map(_session, ended), key=lambda session: session.sid)

    def _list_active(self, whose: ColumnElement[bool], now: float) -> list[Session]:
        return self._all(_active(now).where(whose).order_by(_row.auth_time, _row.sid))

    def _all(self, rows: Select[Any]) -> list[Session]:
        return [_session(row) for row in self._db.connection().execute(rows)]


def _active(now: float) -> Select[Any]:
    return select(_TABLE).where(_row.ended_at.is_(None), _row.expires_at > now)


def _session(row: Any) -> Session:
    return record_of(Session, row, status=StatusRef.of(row.status_list, row.status_index))
