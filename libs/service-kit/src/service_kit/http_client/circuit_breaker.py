"""A circuit breaker: a service that keeps failing is left alone for a moment."""

import math
import threading
import time
from typing import Literal

from service_kit.clock import Clock

State = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Closed until `threshold` calls in a row failed within `window` seconds, then open for `cool_down` seconds.

    After that one call goes through as a probe (half-open): its success closes the breaker, its failure opens it
    again. Shared by all threads. `now` must not run backwards.
    """

    def __init__(
        self, threshold: int = 5, window: float = 10.0, cool_down: float = 2.0, now: Clock = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._window = window
        self._cool_down = cool_down
        self._now = now
        self._lock = threading.Lock()
        self._failures: list[float] = []
        self._opened_at: float | None = None
        self._probe_at: float | None = None

    @property
    def state(self) -> State:
        """Return the state that the next call finds."""
        with self._lock:
            if self._opened_at is None:
                return "closed"
            return "half-open" if self._now() >= self._opened_at + self._cool_down else "open"

    def allow(self) -> bool:
        """Tell whether a call may go out now; whoever is told yes must report `success` or `failure`."""
        with self._lock:
            if self._opened_at is None:
                return True
            now = self._now()
            if now < self._opened_at + self._cool_down:
                return False
            if self._probe_at is not None and now < self._probe_at + self._window:
                return False  # one probe at a time; one that never reported is given up after a window
            self._probe_at = now
            return True

    def record_success(self) -> None:
        """Note that the call was answered."""
        with self._lock:
            self._failures.clear()
            self._opened_at = self._probe_at = None

    def record_failure(self) -> None:
        """Note that the call was not answered, or by a server in trouble."""
        with self._lock:
            now = self._now()
            if self._opened_at is not None:
                self._opened_at, self._probe_at = now, None
                return
            self._failures = [at for at in self._failures if at > now - self._window] + [now]
            if len(self._failures) >= self._threshold:
                self._opened_at = now
                self._failures.clear()

    def retry_after(self) -> int:
        """Return the whole seconds, at least 1, after which a call is worth trying."""
        with self._lock:
            if self._opened_at is None:
                return 1
            return max(1, math.ceil(self._opened_at + self._cool_down - self._now()))
