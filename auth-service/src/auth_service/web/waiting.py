"""Holding an answer until its document changes (RFC 7240 ``Prefer: wait``), for a bounded number of requests."""

import re
import threading
import time
from collections.abc import Callable

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


class LongPoll:
    """Lets at most ``limit`` requests wait at once, so that those who wait never starve those who work.

    Once ``stopping`` is set nobody waits any longer: the server could not end before them.
    """

    def __init__(
        self,
        limit: int,
        *,
        stopping: threading.Event | None = None,
        every: float = 0.1,
        ticks: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places = threading.BoundedSemaphore(limit)
        self._stopping = stopping or threading.Event()
        self._every, self._ticks, self._pause = every, ticks, pause

    def hold(self, seconds: int, changed: Callable[[], bool]) -> bool:
        """Return when something has changed or the time is over; False at once when all places are taken."""
        if seconds <= 0 or not self._places.acquire(blocking=False):
            return False
        try:
            end = self._ticks() + seconds
            while not changed() and not self._stopping.is_set() and self._ticks() < end:
                self._pause(self._every)
        finally:
            self._places.release()
        return True
