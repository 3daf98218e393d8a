"""Revocation bits in the database: chosen at random among the free ones, set by one row, read by what changed.

A bit is taken while a session or a client names it, and while a row of its own says that it is or was set. Of two
transactions that choose the same one the unique constraint lets one have it, and the other takes its next choice.
No constraint spans both tables, so sessions and clients choose among different indexes.
"""

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, cast, delete, func, select, true, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Db
from sqlalchemy.orm import aliased

from auth_service.domain.clock import Clock
from auth_service.domain.sessions.status_bits import (
    MARGIN_SECONDS,
    QUARANTINE_SECONDS,
    Bit,
    Changes,
    ReadPosition,
    StatusRef,
    client_indexes,
    session_indexes,
)
from auth_service.domain.sessions.status_list import LIST_SIZE
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import ClientStatusRow, RevocationRow, SessionRow, StatusListRow

# Sizes of the samples of a list; the next is taken if the one before had no free bit, and then the list is full.
CHOICES = (16, 64, 512)
FULL_SECONDS = 60.0  # seconds
COMPLETE_AFTER = QUARANTINE_SECONDS / 2  # seconds after which a reader may have missed that a bit was cleared

_chance = random.SystemRandom()
_session, _bit, _list = SessionRow.__table__.c, RevocationRow.__table__.c, StatusListRow.__table__.c
_client = ClientStatusRow.__table__.c
_some: Any = bindparam("some", expanding=True)
_TAKEN = union_all(
    select(_session.status_index).where(
        _session.status_list == bindparam("number"), _session.status_index.in_(_some)
    ),
    select(_bit.status_index).where(_bit.status_list == bindparam("number"), _bit.status_index.in_(_some)),
    select(_client.status_index).where(
        _client.status_list == bindparam("number"), _client.status_index.in_(_some)
    ),
)
_OF_CLIENT = select(_client.status_list, _client.status_index).where(
    _client.client_id == bindparam("client_id")
)
_LISTS = select(_list.number, _list.size).order_by(_list.number)
_SET = select(_bit.status_list, _bit.status_index, _bit.revoked).where(_bit.revoked == true())
_CHANGED = select(_bit.status_list, _bit.status_index, _bit.revoked).where(_bit.change >= bindparam("since"))
# One writer at a time makes a count; where there are several, the transaction's own number stands for when it
# began, and a reader starts again at the oldest that had not ended, so that a late commit is not missed.
_counted = select(func.coalesce(func.max(aliased(RevocationRow).change), 0) + 1).scalar_subquery()
NOW = {"sqlite": _counted, "postgresql": cast(cast(func.pg_current_xact_id(), Text), BigInteger)}
_NEXT = {
    "sqlite": select(_counted),
    "postgresql": select(cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)),
}


def _revoke(dialect: str) -> Any:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    new = insert(RevocationRow.__table__).values(
        status_list=bindparam("number"),
        status_index=bindparam("index"),
        revoked=True,
        change=NOW[dialect],
        until=bindparam("until"),
    )
    again = {name: new.excluded[name] for name in ("revoked", "change", "until")}
    return new.on_conflict_do_update(index_elements=["status_list", "status_index"], set_=again)


_REVOKE = {dialect: _revoke(dialect) for dialect in NOW}


@dataclass(frozen=True, slots=True)
class StatusPlan:
    """What all transactions of a process share: sizes, seconds that an access token lives, and what is full.

    `full_until` says until when no look is taken at the indexes of a list, by its number and the first of them.
    """

    list_size: int = LIST_SIZE
    access_ttl: float = 300
    full_until: dict[tuple[int, int], float] = field(default_factory=dict)


class SqlStatuses:
    """The domain's Statuses, inside one transaction."""

    def __init__(self, db: Db, now: Clock, plan: StatusPlan, announce: Callable[[], None]) -> None:
        self._db, self._now, self._plan, self._announce = db, now, plan, announce

    @property
    def _dialect(self) -> str:
        return self._db.get_bind().dialect.name

    def add_first_list(self) -> None:
        self._open(1)

    def choices(self, indexes: Callable[[int], range] = session_indexes) -> Iterator[StatusRef]:
        """Yield bits that were free a moment ago, without end: take the next one where another was faster.

        `indexes` returns those to choose among, of a list of a size.
        """
        while True:
            lists = self._lists()
            for number, size in lists.items():
                some = indexes(size)
                if self._plan.full_until.get((number, some.start), 0.0) > self._now():
                    continue
                for count in CHOICES:
                    for index in self._free(number, _chance.sample(some, min(count, len(some)))):
                        yield StatusRef(number, index)
                self._plan.full_until[number, some.start] = self._now() + FULL_SECONDS
            self._open(max(lists, default=0) + 1)

    def assign_to_session(self, sid: str) -> StatusRef | None:
        row = SessionRow
        without = update(row).where(row.sid == sid, row.status_list.is_(None))
        for ref in self.choices():
            try:
                with self._db.begin_nested():
                    affected(self._db, without.values(status_list=ref.number, status_index=ref.idx))
            except IntegrityError:
                continue
            break
        has = self._db.execute(select(row.status_list, row.status_index).where(row.sid == sid)).one_or_none()
        return None if has is None else StatusRef.of(*has)

    def get_or_assign_to_client(self, client_id: str) -> StatusRef:
        has = self.find_by_client(client_id)
        choices = self.choices(client_indexes)
        while has is None:  # another transaction may be faster, with the bit or with the client
            chosen = next(choices)
            values = {"status_list": chosen.number, "status_index": chosen.idx}
            insert_or_ignore(self._db, ClientStatusRow, client_id=client_id, **values)
            has = self.find_by_client(client_id)
        return has

    def find_by_client(self, client_id: str) -> StatusRef | None:
        row = self._db.connection().execute(_OF_CLIENT, {"client_id": client_id}).one_or_none()
        return None if row is None else StatusRef(*row)

    def remove_from_client(self, client_id: str) -> StatusRef | None:
        row = ClientStatusRow
        taken = delete(row).where(row.client_id == client_id).returning(row.status_list, row.status_index)
        had = self._db.connection().execute(taken).one_or_none()
        return None if had is None else StatusRef(*had)

    def revoke(self, refs: Collection[StatusRef], at: float) -> None:
        until = at + self._plan.access_ttl + MARGIN_SECONDS
        rows = [{"number": ref.number, "index": ref.idx, "until": until} for ref in refs]
        if rows:
            self._db.connection().execute(_REVOKE[self._dialect], rows)
            self._announce()

    def changes_since(self, since: ReadPosition | None) -> Changes:
        db, now = self._db.connection(), self._now()
        # read first: later reads may be newer than this position, never older
        position = ReadPosition(int(db.execute(_NEXT[self._dialect]).scalar_one()), now)
        whole = since is None or since.number > position.number or not 0 <= now - since.at <= COMPLETE_AFTER
        found = db.execute(_SET) if since is None or whole else db.execute(_CHANGED, {"since": since.number})
        return Changes([Bit(*row) for row in found], self._lists(), position, whole)

    def _lists(self) -> dict[int, int]:
        return dict(iter(self._db.connection().execute(_LISTS)))

    def _free(self, number: int, some: list[int]) -> list[int]:
        taken = set(self._db.connection().execute(_TAKEN, {"number": number, "some": some}).scalars())
        return [index for index in some if index not in taken]

    def _open(self, number: int) -> None:
        insert_or_ignore(
            self._db, StatusListRow, number=number, size=self._plan.list_size, opened_at=self._now()
        )
        self._announce()
