"""Reuse of revocation bits: cleared when all tokens have expired, free after a quarantine in which verifiers notice."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, false, select, true, tuple_, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.sessions.status_bits import MARGIN_SECONDS, QUARANTINE_SECONDS
from auth_service.storage.dialects import affected
from auth_service.storage.status_bits import NOW
from auth_service.storage.tables import RevocationRow, SessionRow

_Rows = TypeVar("_Rows", bound="Select[*tuple[Any, ...]]")
_bit, _session = RevocationRow, SessionRow
_BIT = tuple_(_bit.status_list, _bit.status_index)
_BIT_OF_SESSION = tuple_(_session.status_list, _session.status_index)
_NO_BIT = {"status_list": None, "status_index": None, "tokens_until": None}


def clear_bits(db: Db, now: float, most: int) -> int:
    """Clear bits of expired tokens and return their number; they are not reused until their quarantine is over."""
    due = _some(select(_bit.status_list, _bit.status_index), most, _bit.revoked == true(), _bit.until < now)
    cleared = {"revoked": False, "change": NOW[db.get_bind().dialect.name], "until": now + QUARANTINE_SECONDS}
    return affected(db, update(_bit).where(_BIT.in_(due)).values(**cleared))


def give_back(db: Db, now: float, most: int) -> int:
    """Free the bits whose quarantine is over and those of expired sessions, and return their number."""
    newest = select(_bit.status_list, _bit.status_index).order_by(_bit.change.desc()).limit(1)
    last = db.execute(newest).one_or_none()  # kept, or SQLite would number changes from the start again
    seen = _some(select(_bit.status_list, _bit.status_index), most, _bit.revoked == false(), _bit.until < now)
    bits = [tuple(row) for row in db.execute(seen) if row != last]
    freed = 0
    if bits:
        db.execute(update(_session).where(_BIT_OF_SESSION.in_(bits)).values(**_NO_BIT))
        freed = affected(db, delete(_bit).where(_BIT.in_(bits)))
    dead = _some(select(_session.sid), most, _session.tokens_until < now - MARGIN_SECONDS)
    return freed + affected(db, update(_session).where(_session.sid.in_(dead)).values(**_NO_BIT))


def _some(rows: _Rows, most: int, *due: ColumnElement[bool]) -> _Rows:
    """Select at most this number of due rows that no other process has locked."""
    return rows.where(*due).limit(most).with_for_update(skip_locked=True)
