"""How a process learns that another one has committed a change, without querying tables."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from service_kit.database.engine import ALIVE, sqlite_file
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

CHANNEL = "touchstone"
POLL_EVERY_SECONDS = 0.02  # one look at SQLite's change counter takes a few microseconds
_NOTIFY = text("SELECT pg_notify(:channel, '')")
_log = structlog.get_logger(__name__)


class SqliteNotifications:
    """Polls the counter that SQLite keeps of other connections' commits."""

    def __init__(
        self,
        file: Path,
        *,
        every: float = POLL_EVERY_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file, self._every, self._pause = file, every, pause
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._version: int | None = None

    def wait(self, seconds: float) -> bool:
        """Read the counter, and once more after a moment if it has not changed."""
        if self._changed():
            return True
        self._pause(min(self._every, seconds))
        return self._changed()

    def close(self) -> None:
        """Close the file."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None and self._owner == os.getpid():
            connection.close()

    def _changed(self) -> bool:
        before = self._version
        try:
            self._version = self._read()
        except sqlite3.Error:
            self.close()
            raise
        return self._version != before

    def _read(self) -> int:
        if self._connection is None or self._owner != os.getpid():
            uri = f"{self._file.absolute().as_uri()}?mode=rw"  # never creates the file
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._owner, self._version = os.getpid(), None
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


class PostgresNotifications:
    """Listens on the channel that `notify` uses; `options` are psycopg's."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._connection: Any = None
        self._owner = 0

    def wait(self, seconds: float) -> bool:
        """Sleep until there is a notification, or the time is over."""
        import psycopg

        try:
            if self._connection is None or self._owner != os.getpid():
                self._connection, self._owner = None, os.getpid()
                self._connection = psycopg.connect(**self._options, autocommit=True)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return True
            return bool(list(self._connection.notifies(timeout=seconds, stop_after=1)))
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None and self._owner == os.getpid():
            connection.close()


class NoNotifications:
    """For a database in memory, which no other process can change."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def wait(self, seconds: float) -> bool:
        """Sleep for a moment and return False."""
        self._pause(min(POLL_EVERY_SECONDS, seconds))
        return False

    def close(self) -> None:
        """Do nothing."""


def notifications_of(engine: Engine) -> PostgresNotifications | SqliteNotifications | NoNotifications:
    """Return the notifications of a database; their connection is not one of the pool's, which may be exhausted."""
    if engine.dialect.name == "postgresql":
        _, options = engine.dialect.create_connect_args(engine.url)
        return PostgresNotifications({**ALIVE, **options})
    file = sqlite_file(engine.url)
    return NoNotifications() if file is None else SqliteNotifications(file)


def notify(engine: Engine) -> None:
    """Notify the listening processes; with SQLite there is nothing to do, as its counter has changed already.

    To be called after the commit, not in it: PostgreSQL lets only one notifying transaction commit at a time, flush to
    disk included. If the process dies in between, nothing was acknowledged yet, and all processes read the database
    every second anyway.
    """
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(_NOTIFY, {"channel": CHANNEL})  # no transaction: one round trip
    except SQLAlchemyError as error:  # the change is committed, and is read a moment later
        _log.warning("a change could not be announced", reason=type(error).__name__)
