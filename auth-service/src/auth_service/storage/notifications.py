"""Noticing, without asking for anything, that another process has changed the database."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog
from service_kit.database.engine import ALIVE, sqlite_file
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

EVERY = 0.02  # seconds between two looks at a SQLite file's counter, of a few microseconds each


class ChangeNotifications(Protocol):
    """Rings when something has been committed, by whichever process. For one thread."""

    def wait(self, seconds: float) -> bool:
        """Wait for at most so long, perhaps less; tell whether anything may have changed since the last call.

        The first call connects, and tells so as a change, for what came before was not heard. Raises what the database's
        driver raises; the next call then connects anew.
        """

    def close(self) -> None:
        """Let go of the database."""


def bell_of(engine: Engine) -> ChangeNotifications:
    """Give the bell of a database: on a connection of its own, so that a full pool does not silence it."""
    if engine.dialect.name == "postgresql":
        _, options = engine.dialect.create_connect_args(engine.url)
        return PostgresBell({**ALIVE, **options})
    file = sqlite_file(engine.url)
    return SilentBell() if file is None else SqliteBell(file)


class SqliteBell:
    """Looks at the counter that SQLite keeps of other connections' commits."""

    def __init__(
        self, file: Path, *, every: float = EVERY, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._file, self._every, self._pause = file, every, pause
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._version: int | None = None

    def wait(self, seconds: float) -> bool:
        """Look at once, and if nothing has changed again after a moment."""
        if self._rang():
            return True
        self._pause(min(self._every, seconds))
        return self._rang()

    def close(self) -> None:
        """Close the file."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None and self._owner == os.getpid():
            connection.close()

    def _rang(self) -> bool:
        before = self._version
        try:
            self._version = self._read()
        except sqlite3.Error:
            self.close()
            raise
        return self._version != before

    def _read(self) -> int:
        if self._connection is None or self._owner != os.getpid():
            place = f"{self._file.absolute().as_uri()}?mode=rw"  # never makes a file
            self._connection = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
            self._owner, self._version = os.getpid(), None
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


class PostgresBell:
    """Listens to the channel that a transaction notifies as it commits."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Take what psycopg needs to connect."""
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
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None and self._owner == os.getpid():
            connection.close()


class SilentBell:
    """For a database in memory, which no other process can change."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def wait(self, seconds: float) -> bool:
        """Let the time pass; what this process itself changes is found by looking every so often."""
        self._pause(min(EVERY, seconds))
        return False

    def close(self) -> None:
        """Nothing was opened."""


CHANNEL = "touchstone"


_NOTIFY = text("SELECT pg_notify(:channel, '')")


_log = structlog.get_logger(__name__)


def announce(engine: Engine) -> None:
    """Notify who listens on the channel; SQLite needs nothing said, for its ``data_version`` tells by itself.

    Called after the commit, never in it: PostgreSQL lets only one transaction that notifies commit at a time, flush to
    disk included. Who dies in between has answered nobody yet, and all processes look by themselves every so often.
    """
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # no transaction, so one way there and back: it comes after the end of every session
            connection.execute(_NOTIFY, {"channel": CHANNEL})
    except SQLAlchemyError as error:  # the change is done, and will be seen a moment later
        _log.warning("a change could not be announced", reason=type(error).__name__)
