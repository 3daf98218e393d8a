"""Profiles in the database."""

from collections.abc import Sequence
from typing import Any, Final, cast

from service_kit.database import Database, outages_as
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from users_service.domain.errors import StorageUnavailable
from users_service.domain.profile import Profile, ProfileUpdate, Unchanged
from users_service.storage.tables import ProfileRow

_TABLE: Final = cast("Table", ProfileRow.__table__)
_row: Final = _TABLE.c
# The columns are in the order of the record's members. No subject is empty.
_GET: Final = select(_TABLE).where(_row.sub == bindparam("sub"))
_PAGE: Final = (
    select(_TABLE).where(_row.sub > bindparam("after")).order_by(_row.sub).limit(bindparam("limit"))
)


class SqlProfiles:
    """`Profiles` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, sub: str) -> Profile | None:
        with outages_as(StorageUnavailable):
            found = self._database.fetch(_GET, sub=sub)
        return Profile(*found[0]) if found else None

    def get_or_create(self, sub: str, at: float) -> Profile:
        found = self.get(sub)
        if found is not None:
            return found
        with outages_as(StorageUnavailable), self._database.begin() as session:
            _create_missing(session, sub, at)
            return _read(session, sub)

    def update(self, sub: str, changes: ProfileUpdate, at: float) -> Profile:
        values: dict[str, Any] = {"updated_at": at}
        if not isinstance(changes.name, Unchanged):
            values |= {"name": changes.name, "name_known": True}
        if not isinstance(changes.shipping_address, Unchanged):
            values["shipping_address"] = changes.shipping_address
        with outages_as(StorageUnavailable), self._database.begin() as session:
            _create_missing(session, sub, at)
            session.execute(update(_TABLE).where(_row.sub == sub).values(values))
            return _read(session, sub)

    def copy_name(self, sub: str, name: str) -> Profile:
        unnamed = (_row.sub == sub) & (_row.name == "") & ~_row.name_known
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(update(_TABLE).where(unnamed).values(name=name, name_known=True))
            return _read(session, sub)

    def list_page(self, after: str | None, limit: int) -> Sequence[Profile]:
        with outages_as(StorageUnavailable):
            return [Profile(*row) for row in self._database.fetch(_PAGE, after=after or "", limit=limit)]


def _create_missing(session: Session, sub: str, at: float) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(_TABLE)
        .values(sub=sub, name="", shipping_address=None, created_at=at, updated_at=at, name_known=False)
        .on_conflict_do_nothing(index_elements=[_row.sub])
    )


def _read(session: Session, sub: str) -> Profile:
    return Profile(*session.execute(_GET, {"sub": sub}).one())
