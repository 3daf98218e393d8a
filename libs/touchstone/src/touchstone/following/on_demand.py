"""On-demand refresh: single flight, rate limited, with a bound on waiting threads."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Condition, Thread

_MAX_WAITING = 2  # threads that may wait for a fetch that is likely to fail; the others return at once


class OnDemandRefresh:
    """Runs `fetch` in a thread of its own on demand. The caller of each method holds `changed`.

    `clock` returns seconds and never goes back.
    """

    def __init__(self, fetch: Callable[[], object], changed: Condition, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._changed = changed
        self._clock = clock
        self._started = -inf
        self._waiting = 0
        self.running = False

    def start(self, every: float) -> bool:
        """Start a fetch, at most one in `every` seconds; return whether one is now running."""
        if not self.running:
            if self._clock() < self._started + every:
                return False
            Thread(target=self._run, name="touchstone-refresh", daemon=True).start()
            self._started = self._clock()
            self.running = True
        return True

    def wait(self, seconds: float, done: Callable[[], bool] = lambda: False, *, limited: bool = True) -> None:
        """Wait until the fetch has ended or `done` is true; `limited`: return at once if two threads wait already."""
        if seconds > 0 and not (limited and self._waiting >= _MAX_WAITING):
            self._waiting += 1
            self._changed.wait_for(lambda: not self.running or done(), seconds)
            self._waiting -= 1

    def _run(self) -> None:
        try:
            self._fetch()
        finally:
            with self._changed:
                self.running = False
                self._changed.notify_all()
