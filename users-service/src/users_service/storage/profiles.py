"""Profiles in a SQL database; the same statements on SQLite and PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from service_kit.database import Database, outages_as
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from users_service.domain.errors import StorageUnavailable
from users_service.domain.profile import Changes, Keep, Profile
from users_service.storage.tables import profiles

# Made once; the columns are in the order of the record's members. No subject is empty.
_PROFILE: Final = select(
    profiles.c.sub,
    profiles.c.name,
    profiles.c.shipping_address,
    profiles.c.created_at,
    profiles.c.updated_at,
    profiles.c.name_known,
)
_FIND: Final = _PROFILE.where(profiles.c.sub == bindparam("sub"))
_PAGE: Final = (
    _PROFILE.where(profiles.c.sub > bindparam("after")).order_by(profiles.c.sub).limit(bindparam("limit"))
)


class SqlProfiles:
    """The domain's ``Profiles`` over a database. One out of reach raises ``StorageUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_sight(self, sub: str, at: datetime) -> Profile:
        """Return the profile of ``sub``, made empty at ``at`` if there is none; any number at once make one."""
        known = self.find(sub)
        if known is not None:
            return known
        with outages_as(StorageUnavailable), self._database.begin() as session:
            _make_missing(session, sub, at)
            return _read(session, sub)

    def change(self, sub: str, changes: Changes, at: datetime) -> Profile:
        """Apply ``changes`` to the profile of ``sub``, made first if there is none, in one transaction."""
        values: dict[str, Any] = {"updated_at": at}
        if not isinstance(changes.name, Keep):
            values |= {"name": changes.name, "name_known": True}
        if not isinstance(changes.shipping_address, Keep):
            values["shipping_address"] = changes.shipping_address
        with outages_as(StorageUnavailable), self._database.begin() as session:
            _make_missing(session, sub, at)
            session.execute(update(profiles).where(profiles.c.sub == sub).values(values))
            return _read(session, sub)

    def copy_name(self, sub: str, name: str) -> Profile:
        """Set the name of the profile of ``sub`` to its account's, unless a name is known already; return the profile."""
        unnamed = (profiles.c.sub == sub) & (profiles.c.name == "") & ~profiles.c.name_known
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(update(profiles).where(unnamed).values(name=name, name_known=True))
            return _read(session, sub)

    def find(self, sub: str) -> Profile | None:
        """Return the profile of ``sub``, or None."""
        with outages_as(StorageUnavailable):
            found = self._database.fetch(_FIND, sub=sub)
        return Profile(*found[0]) if found else None

    def page(self, after: str | None, limit: int) -> Sequence[Profile]:
        """Return up to ``limit`` profiles with a ``sub`` greater than ``after``, ascending by ``sub``."""
        with outages_as(StorageUnavailable):
            return [Profile(*row) for row in self._database.fetch(_PAGE, after=after or "", limit=limit)]


def _make_missing(session: Session, sub: str, at: datetime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(profiles)
        .values(sub=sub, name="", shipping_address=None, created_at=at, updated_at=at, name_known=False)
        .on_conflict_do_nothing(index_elements=[profiles.c.sub])
    )


def _read(session: Session, sub: str) -> Profile:
    return Profile(*session.execute(_FIND, {"sub": sub}).one())
