"""Failed log-ins in the database; rows without failures are networks of earlier log-ins."""

from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.failed_logins import FailureCount
from auth_service.storage.dialects import insert_into
from auth_service.storage.tables import FailedLoginRow


class SqlFailedLogins:
    """The domain's `FailedLogins`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def find(self, keys: tuple[bytes, ...]) -> dict[bytes, FailureCount]:
        row = FailedLoginRow
        columns = (row.key_digest, row.failures, row.last_failure_at, row.blocked_until)
        found = self._db.execute(select(*columns).where(row.key_digest.in_(keys)))
        return {key: FailureCount(failures, last, until) for key, failures, last, until in found}

    def add_failure(self, key: bytes, at: float, memory: float) -> int:
        again = case((FailedLoginRow.last_failure_at < at - memory, 1), else_=FailedLoginRow.failures + 1)
        counted = self._upsert(key, 1, at, failures=again).returning(FailedLoginRow.failures)
        return int(self._db.execute(counted).scalar_one())

    def block(self, key: bytes, until: float) -> None:
        blocked = update(FailedLoginRow).where(FailedLoginRow.key_digest == key).values(blocked_until=until)
        self._db.execute(blocked)

    def set_known_place(self, key: bytes, at: float) -> None:
        self._db.execute(self._upsert(key, 0, at))

    def delete(self, keys: tuple[bytes, ...]) -> None:
        gone = delete(FailedLoginRow).where(FailedLoginRow.key_digest.in_(keys))
        self._db.execute(gone)

    def _upsert(self, key: bytes, first: int, at: float, **again: Any) -> Any:
        """Return the upsert of a row: an existing one gets the time `at` and the changes `again`."""
        row = {"key_digest": key, "failures": first, "last_failure_at": at, "blocked_until": 0.0}
        new = insert_into(self._db, FailedLoginRow).values(**row)
        return new.on_conflict_do_update(
            index_elements=[FailedLoginRow.key_digest], set_={"last_failure_at": at, **again}
        )
