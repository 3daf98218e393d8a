"""Failed log-ins in the database; rows with no failure are places from where somebody logged in."""

# ruff: noqa: D102 (what each method promises stands at the domain's port)

from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.failed_logins import FailureCount
from auth_service.storage.tables import SlowDownRow


class SqlSlowDowns:
    """The domain's SlowDowns, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def find(self, keys: tuple[bytes, ...]) -> dict[bytes, FailureCount]:
        row = SlowDownRow
        columns = (row.key_digest, row.failures, row.last_failure_at, row.blocked_until)
        found = self._db.execute(select(*columns).where(row.key_digest.in_(keys)))
        return {key: FailureCount(failures, last, until) for key, failures, last, until in found}

    def add_failure(self, key: bytes, at: float, memory: float) -> int:
        row, new = (
            SlowDownRow,
            self._insert(key_digest=key, failures=1, last_failure_at=at, blocked_until=0.0),
        )
        again = case((row.last_failure_at < at - memory, 1), else_=row.failures + 1)
        counted = new.on_conflict_do_update(
            index_elements=[row.key_digest], set_={"failures": again, "last_failure_at": at}
        )
        return int(self._db.execute(counted.returning(row.failures)).scalar_one())

    def block(self, key: bytes, until: float) -> None:
        blocked = update(SlowDownRow).where(SlowDownRow.key_digest == key).values(blocked_until=until)
        self._db.execute(blocked.execution_options(synchronize_session=False))

    def set_known_place(self, key: bytes, at: float) -> None:
        new = self._insert(key_digest=key, failures=0, last_failure_at=at, blocked_until=0.0)
        seen = new.on_conflict_do_update(
            index_elements=[SlowDownRow.key_digest], set_={"last_failure_at": at}
        )
        self._db.execute(seen)

    def delete(self, keys: tuple[bytes, ...]) -> None:
        gone = delete(SlowDownRow).where(SlowDownRow.key_digest.in_(keys))
        self._db.execute(gone.execution_options(synchronize_session=False))

    def _insert(self, **values: Any) -> Any:
        insert: Any = postgresql.insert if self._db.get_bind().dialect.name == "postgresql" else sqlite.insert
        return insert(SlowDownRow).values(**values)
