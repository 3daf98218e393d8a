"""A circuit breaker: no calls for a moment to a service that keeps failing."""

import math
import threading
import time
from typing import Literal

from service_kit.clock import Clock

State = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Opens for `cool_down` seconds after `threshold` failures in a row within `window` seconds.

    Then one call is let through as a probe (half-open): its success closes the breaker, its failure opens it again.
    Thread-safe. `now` must be monotonic.
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
        """The state for the next call."""
        with self._lock:
            if self._opened_at is None:
                return "closed"
            return "half-open" if self._now() >= self._opened_at + self._cool_down else "open"

    def allow(self) -> bool:
        """Return whether a call is allowed now; after True, call `record_success` or `record_failure`."""
        with self._lock:
            if self._opened_at is None:
                return True
            now = self._now()
            if now < self._opened_at + self._cool_down:
                return False
            if self._probe_at is not None and now < self._probe_at + self._window:
                return False  # one probe at a time; one without a record ends after a window
            self._probe_at = now
            return True

    def record_success(self) -> None:
        """Record the success of an allowed call."""
        with self._lock:
            self._failures.clear()
            self._opened_at = self._probe_at = None

    def record_failure(self) -> None:
        """Record the failure of an allowed call."""
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
        """Return the whole seconds, at least 1, until a call may be allowed."""
        with self._lock:
            if self._opened_at is None:
                return 1
            return max(1, math.ceil(self._opened_at + self._cool_down - self._now()))
