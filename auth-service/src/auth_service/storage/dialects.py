"""The one statement that SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart."""

from typing import Any, cast

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Db

from auth_service.storage.tables import Base


def insert_or_ignore(db: Db, table: type[Base], **values: Any) -> bool:
    """Insert a row; False, and nothing changed, when a unique value of it is taken. No error, no lost transaction."""
    return affected(db, insert_into(db, table).values(**values).on_conflict_do_nothing()) == 1


def insert_into(db: Db, table: type[Base]) -> Any:
    """Return an INSERT of the database's dialect, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (postgresql if db.get_bind().dialect.name == "postgresql" else sqlite).insert(table)


def affected(db: Db, statement: Any, values: dict[str, Any] | None = None) -> int:
    """Execute a statement and say how many rows it changed."""
    # an INSERT's count would be forgotten otherwise, and say -1 with psycopg
    result = db.execute(statement, values, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount
