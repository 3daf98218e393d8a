"""Long polling: a response waits until its document changes (RFC 7240 `Prefer: wait`), for a bounded number of requests."""

import os
import re
import threading
import time
from collections.abc import Callable

from service_kit.worker_threads import release_slot
from werkzeug.http import parse_list_header

MAX_WAIT_SECONDS = 25
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*', re.IGNORECASE)


def preferred_wait(prefer: str | None) -> int:
    """Return the wait of a `Prefer` header: whole seconds, at most 25, and 0 if it is absent or malformed.

    The first of several counts.
    """
    for preference in parse_list_header(prefer or ""):
        found = _WAIT.fullmatch(preference.partition(";")[0])
        if found:
            return min(int(found[1]), MAX_WAIT_SECONDS)
    return 0


class LongPolls:
    """Lets at most `limit` requests wait at once, so that they leave threads for other requests.

    They check for a change whenever `wake` is called. When `stopping` is set they all return, so that the server can end.
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
        self.refused = 0  # requests that did not wait because the limit was reached
        self._stopping = stopping or threading.Event()
        self._ticks = ticks
        self._condition = threading.Condition()
        self._wakeups = 0
        self._stop_thread_pid = 0

    def hold(self, seconds: int, changed: Callable[[], bool]) -> bool:
        """Return True after a change or the given time; return False at once if the limit is reached."""
        if seconds <= 0 or not self._enter():
            return False
        release_slot()
        try:
            self._wait(self._ticks() + seconds, changed)
        finally:
            with self._condition:
                self.waiting -= 1
        return True

    def wake(self) -> None:
        """Have all waiting requests check for a change."""
        with self._condition:
            self._wakeups += 1
            self._condition.notify_all()

    def _enter(self) -> bool:
        with self._condition:
            if self.waiting >= self.limit:
                self.refused += 1
                return False
            self.waiting += 1
            if self._stop_thread_pid != os.getpid():
                self._stop_thread_pid = os.getpid()
                threading.Thread(target=self._wake_on_stop, name="long-polls", daemon=True).start()
            return True

    def _wait(self, end: float, changed: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            wakeups = self._wakeups  # read before the check, so that no wake-up in between is missed
            left = end - self._ticks()
            if changed() or left <= 0:
                return
            with self._condition:
                self._condition.wait_for(lambda: self._wakeups != wakeups or self._stopping.is_set(), left)  # noqa: B023 - called here

    def _wake_on_stop(self) -> None:
        self._stopping.wait()
        self.wake()
