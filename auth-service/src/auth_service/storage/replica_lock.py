"""A lock across all replicas of auth-service."""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from service_kit.database.engine import file_lock, lock_file, sqlite_file
from sqlalchemy import Engine, text

WAIT = "8s"  # less than the time that a surrounding transaction may be idle


def replicas_lock(
    engine: Engine, purpose: str, *, wait: str = WAIT
) -> Callable[[], AbstractContextManager[None]]:
    """Return the lock of this purpose: PostgreSQL's advisory lock, or a lock file beside SQLite's.

    It is free again when its holder ends, however it ends. SQLAlchemyError when PostgreSQL does not give it in time.
    """
    if engine.dialect.name == "postgresql":
        return lambda: _advisory(engine, zlib.crc32(f"{engine.url.database}/{purpose}".encode()), wait)
    file = sqlite_file(engine.url)
    if file is None:  # a database in memory: there are no other processes
        only = threading.Lock()
        return lambda: _held(only)
    return lambda: file_lock(lock_file(file, purpose))


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield


@contextmanager
def _advisory(engine: Engine, key: int, wait: str) -> Iterator[None]:
    with engine.begin() as connection:  # a connection of its own, independent of the caller's transaction
        for limit in ("lock_timeout", "statement_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = '{wait}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        yield
