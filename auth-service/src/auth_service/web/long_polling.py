"""Holding an answer until its document changes (RFC 7240 ``Prefer: wait``), for a bounded number of requests."""

import os
import re
import threading
import time
from collections.abc import Callable

from service_kit.worker_threads import release_slot
from werkzeug.http import parse_list_header

LONGEST = 25  # seconds that an answer is held
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*', re.IGNORECASE)


def preferred_wait(prefer: str | None) -> int:
    """Read ``Prefer``: whole seconds, at most 25, and 0 for absent or malformed; the first of several counts."""
    for preference in parse_list_header(prefer or ""):
        found = _WAIT.fullmatch(preference.partition(";")[0])
        if found:
            return min(int(found[1]), LONGEST)
    return 0


class LongPolls:
    """Lets at most ``limit`` requests wait at once, so that those who wait never starve those who work.

    They sleep until ``wake`` is called, and look then. Once ``stopping`` is set nobody waits any longer: the server could
    not end before them.
    """

    def __init__(
        self,
        limit: int,
        *,
        stopping: threading.Event | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self.waiting = 0
        self.refused = 0  # requests that were answered at once because all places were taken
        self._stopping = stopping or threading.Event()
        self._ticks = ticks
        self._news = threading.Condition()
        self._calls = 0
        self._doorman = 0

    def hold(self, seconds: int, changed: Callable[[], bool]) -> bool:
        """Return when something has changed or the time is over; False at once when all places are taken."""
        if seconds <= 0 or not self._enter():
            return False
        release_slot()
        try:
            self._wait(self._ticks() + seconds, changed)
        finally:
            with self._news:
                self.waiting -= 1
        return True

    def wake(self) -> None:
        """Have everybody look again."""
        with self._news:
            self._calls += 1
            self._news.notify_all()

    def _enter(self) -> bool:
        with self._news:
            if self.waiting >= self.limit:
                self.refused += 1
                return False
            self.waiting += 1
            if self._doorman != os.getpid():
                self._doorman = os.getpid()
                threading.Thread(target=self._close, name="waiting-room", daemon=True).start()
            return True

    def _wait(self, end: float, changed: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            calls = self._calls  # read before the look: a call that comes meanwhile is not missed
            left = end - self._ticks()
            if changed() or left <= 0:
                return
            with self._news:
                self._news.wait_for(lambda: self._calls != calls or self._stopping.is_set(), left)  # noqa: B023 (called here)

    def _close(self) -> None:
        self._stopping.wait()
        self.wake()
