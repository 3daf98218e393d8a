"""Mailed tokens and codes in the database; each is used by one UPDATE."""

from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.one_time_token import OneTimeToken
from auth_service.storage.dialects import affected
from auth_service.storage.tables import Base, OneTimeTokenRow, record_of, values_of

_TABLE = Base.metadata.tables["one_time_tokens"]


class SqlOneTimeTokens:
    """The domain's `OneTimeTokens`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, *tokens: OneTimeToken) -> None:
        self._db.execute(insert(OneTimeTokenRow), [values_of(token) for token in tokens])

    def get(self, digest: bytes) -> OneTimeToken | None:
        return self._one(select(_TABLE).where(OneTimeTokenRow.digest == digest))

    def find_by_binding(self, purpose: str, email: str, binding_digest: bytes) -> OneTimeToken | None:
        row = OneTimeTokenRow
        return self._one(
            select(_TABLE).where(
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
        # counted in the database: two concurrent attempts are two
        return affected(self._db, usable.values(tries_left=row.tries_left - 1)) == 1

    def _one(self, rows: Select[Any]) -> OneTimeToken | None:
        row = self._db.execute(rows).first()
        return None if row is None else record_of(OneTimeToken, row)
