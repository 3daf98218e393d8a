"""Where the database's faults become the domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from orders_service.domain.errors import StorageUnavailable


@contextmanager
def answering() -> Iterator[None]:
    """Raise ``StorageUnavailable`` if the database does not answer; what our own SQL did wrong stays as it is."""
    try:
        yield
    except (ProgrammingError, IntegrityError, DataError, NotSupportedError):
        raise
    except (DBAPIError, PoolExhausted, OSError) as error:
        raise StorageUnavailable from error
