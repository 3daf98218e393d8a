"""INSERT … ON CONFLICT DO NOTHING, which SQLAlchemy has once for each dialect."""

from typing import Any, cast

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Db

from auth_service.storage.tables import Base


def insert_or_ignore(db: Db, table: type[Base], **values: Any) -> bool:
    """Insert a row; return False, without an error, if a unique value is taken."""
    return affected(db, insert_into(db, table).values(**values).on_conflict_do_nothing()) == 1


def insert_into(db: Db, table: type[Base]) -> Any:
    """Return an INSERT of the database's dialect, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (postgresql if db.get_bind().dialect.name == "postgresql" else sqlite).insert(table)


def affected(db: Db, statement: Any, values: dict[str, Any] | None = None) -> int:
    """Execute a statement and return the number of changed rows."""
    # otherwise the count of an INSERT is lost, and -1 with psycopg
    result = db.execute(statement, values, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount
