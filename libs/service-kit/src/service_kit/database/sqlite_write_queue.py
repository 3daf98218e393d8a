"""How those who write to one SQLite file take turns."""

import random
import sqlite3
import threading
import time
from typing import Any

from sqlalchemy import Connection

from service_kit.worker_threads import require_thread

_BEGIN = "BEGIN IMMEDIATE"
_PAUSE = (0.0002, 0.001)  # seconds between two tries, when another process is writing


class SqliteWriteQueue:
    """Begins writing transactions, as soon as the file is free, for at most so many seconds of waiting.

    SQLite's own waiting lets whoever comes along first write first, and sleeps for ever longer, up to 100 ms: with writers
    enough one of them fails though the file was free many times. Here one thread of each process tries, every
    millisecond or so and whenever this process has finished with the file, and the others queue behind it.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._next = threading.Lock()
        self._finished = threading.Event()

    def finished(self, *_: object) -> None:
        """Say that a connection of this process has nothing more to write for now."""
        self._finished.set()

    def begin(self, connection: Connection) -> None:
        """Begin; raises OperationalError when the file was not free in all that time."""
        require_thread()
        end = time.monotonic() + self._patience
        driver: Any = connection.connection.driver_connection
        mine = self._next.acquire(timeout=self._patience)
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            while mine and time.monotonic() < end:
                self._finished.clear()
                try:
                    driver.execute(_BEGIN)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        break
                    self._finished.wait(random.uniform(*_PAUSE))  # noqa: S311 (no secret)
                else:
                    return
            connection.exec_driver_sql(_BEGIN)  # the last try, and what is wrong in SQLAlchemy's words
        finally:
            if mine:
                self._next.release()
            driver.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
