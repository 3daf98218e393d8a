"""Mailed tokens and codes in the database; whether one is used is decided here, by one UPDATE."""

# ruff: noqa: D102 (what each method promises stands at the domain's port)

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.one_time_token import OneTimeToken
from auth_service.storage.dialects import affected
from auth_service.storage.tables import OneTimeTokenRow

_COLUMNS = (
    OneTimeTokenRow.digest,
    OneTimeTokenRow.purpose,
    OneTimeTokenRow.email,
    OneTimeTokenRow.sub,
    OneTimeTokenRow.expires_at,
    OneTimeTokenRow.binding_digest,
    OneTimeTokenRow.tries_left,
    OneTimeTokenRow.used_at,
)


class SqlOneTimeTokens:
    """The domain's OneTimeTokens, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, *tokens: OneTimeToken) -> None:
        rows = [{column.key: getattr(token, column.key) for column in _COLUMNS} for token in tokens]
        self._db.execute(insert(OneTimeTokenRow), rows)

    def get(self, digest: bytes) -> OneTimeToken | None:
        return self._one(select(*_COLUMNS).where(OneTimeTokenRow.digest == digest))

    def find_by_binding(self, purpose: str, email: str, binding_digest: bytes) -> OneTimeToken | None:
        row = OneTimeTokenRow
        return self._one(
            select(*_COLUMNS).where(
                row.email == email, row.purpose == purpose, row.binding_digest == binding_digest
            )
        )

    def count_unexpired(self, purpose: str, email: str, now: float) -> int:
        row = OneTimeTokenRow
        found = select(func.count()).where(row.email == email, row.purpose == purpose, row.expires_at > now)
        return self._db.scalar(found) or 0

    def mark_used(self, digest: bytes, at: float) -> bool:
        row = OneTimeTokenRow
        unused = update(row).where(row.digest == digest, row.used_at.is_(None), row.expires_at > at)
        return affected(self._db, unused.values(used_at=at)) == 1

    def take_try(self, digest: bytes, at: float) -> bool:
        row = OneTimeTokenRow
        usable = update(row).where(
            row.digest == digest, row.used_at.is_(None), row.expires_at > at, row.tries_left > 0
        )
        # counted in the database: two tries at once are two
        one_less = usable.values(tries_left=row.tries_left - 1).execution_options(synchronize_session=False)
        return affected(self._db, one_less) == 1

    def _one(self, rows: Select[*tuple[object, ...]]) -> OneTimeToken | None:
        found: Row[*tuple[object, ...]] | None = self._db.execute(rows).first()
        return None if found is None else OneTimeToken(**found._mapping)  # noqa: SLF001 (SQLAlchemy's public name)
