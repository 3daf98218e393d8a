"""A lock that every replica of auth-service can take, for what they must not do at once."""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from service_kit.database.engine import file_lock, lock_file, sqlite_file
from sqlalchemy import Engine, text

WAIT = "8s"  # below the time that a transaction around it may be idle


def replicas_lock(
    engine: Engine, purpose: str, *, wait: str = WAIT
) -> Callable[[], AbstractContextManager[None]]:
    """Return the lock of this purpose: PostgreSQL's advisory one, or a file's beside SQLite.

    It is free again when its holder ends, however it ends. SQLAlchemyError when PostgreSQL does not give it in time.
    """
    if engine.dialect.name == "postgresql":
        return lambda: _advisory(engine, zlib.crc32(f"{engine.url.database}/{purpose}".encode()), wait)
    file = sqlite_file(engine.url)
    if file is None:  # in memory: there are no other processes
        only = threading.Lock()
        return lambda: _held(only)
    return lambda: file_lock(lock_file(file, purpose))


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield


@contextmanager
def _advisory(engine: Engine, key: int, wait: str) -> Iterator[None]:
    with engine.begin() as connection:  # a connection of its own, whatever its caller's transaction does
        for limit in ("lock_timeout", "statement_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = '{wait}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        yield
