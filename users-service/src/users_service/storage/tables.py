"""The database's tables, as the code sees them; the migrations make them."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, DateTime, Dialect, MetaData, String, Table, TypeDecorator

metadata: Final = MetaData()


class UtcTimestamp(TypeDecorator[datetime]):
    """An aware UTC datetime, to the microsecond; SQLite keeps it naive, so the zone is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's form
        """Turn any aware datetime into UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's form
        """Give back an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Bytewise order, so that a page's border means the same to every database and locale.
_SUBJECT: Final = String(255).with_variant(String(255, collation="C"), "postgresql")

profiles: Final = Table(
    "profiles",
    metadata,
    Column("sub", _SUBJECT, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("shipping_address", String(500)),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
)
