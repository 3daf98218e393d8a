"""A fair queue of writers to one SQLite file."""

import random
import sqlite3
import threading
import time
from typing import Any

from sqlalchemy import Connection

from service_kit.worker_threads import require_thread

_BEGIN = "BEGIN IMMEDIATE"
_PAUSE_SECONDS = (0.0002, 0.001)  # between two attempts while another process writes


class SqliteWriteQueue:
    """Begins writing transactions as soon as the file is free, within `timeout` seconds.

    SQLite's own busy handler has no order and sleeps up to 100 ms: with enough writers one of them fails although the
    file was free many times. Here one thread of each process tries, about every millisecond and whenever this process
    has released the file; the others queue behind it.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._next = threading.Lock()
        self._released = threading.Event()

    def release(self, *_: object) -> None:
        """Note that a connection of this process has ended its transaction."""
        self._released.set()

    def begin(self, connection: Connection) -> None:
        """Begin a writing transaction; raise OperationalError if the file was not free within `timeout`."""
        require_thread()
        end = time.monotonic() + self._timeout
        driver: Any = connection.connection.driver_connection
        first = self._next.acquire(timeout=self._timeout)
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            while first and time.monotonic() < end:
                self._released.clear()
                try:
                    driver.execute(_BEGIN)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        break
                    self._released.wait(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
                else:
                    return
            connection.exec_driver_sql(_BEGIN)  # the last attempt, which raises SQLAlchemy's error
        finally:
            if first:
                self._next.release()
            driver.execute(f"PRAGMA busy_timeout = {int(self._timeout * 1000)}")
