"""Owns the fetch out of turn: one at a time, not too often, and who may wait for it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Condition, Thread

_FEW = 2  # threads that may wait for a fetch that may well fail; the others are answered at once


class OutOfTurn:
    """Runs `fetch` in a thread of its own when asked to; `changed` guards all of it, and is held by who calls.

    `clock` returns seconds and never goes back.
    """

    def __init__(self, fetch: Callable[[], object], changed: Condition, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._changed = changed
        self._clock = clock
        self._last = -inf
        self._waiting = 0
        self.running = False

    def start(self, every: float) -> bool:
        """Tell whether a fetch is under way, be it one that starts now: at most one starts in `every` seconds."""
        if not self.running:
            if self._clock() < self._last + every:
                return False
            Thread(target=self._run, name="touchstone-early", daemon=True).start()
            self._last = self._clock()
            self.running = True
        return True

    def wait(
        self, seconds: float, enough: Callable[[], bool] = lambda: False, *, crowd: bool = False
    ) -> None:
        """Wait for the end of the fetch, or until it is `enough`; more than a few may only where a `crowd` may."""
        if seconds > 0 and (crowd or self._waiting < _FEW):
            self._waiting += 1
            self._changed.wait_for(lambda: not self.running or enough(), seconds)
            self._waiting -= 1

    def _run(self) -> None:
        try:
            self._fetch()
        finally:
            with self._changed:
                self.running = False
                self._changed.notify_all()
