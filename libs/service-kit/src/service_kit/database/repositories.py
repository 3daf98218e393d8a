"""What every repository needs: a column type for times, and outages of the database as errors of the domain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, TypeDecorator
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted


class UtcTimestamp(TypeDecorator[float]):
    """A time in Unix seconds, kept as a timestamp in UTC to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return the timestamp of Unix seconds."""
        return None if value is None else datetime.fromtimestamp(value, UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> float | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return the Unix seconds of a timestamp, which SQLite returns without its zone."""
        if value is None:
            return None
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).timestamp()


@contextmanager
def outages_as(unavailable: Callable[[], Exception]) -> Iterator[None]:
    """Raise `unavailable()` if the database does not answer; errors of the SQL itself pass unchanged."""
    try:
        yield
    except (ProgrammingError, IntegrityError, DataError, NotSupportedError):
        raise
    except (DBAPIError, PoolExhausted, OSError) as error:
        raise unavailable() from error
