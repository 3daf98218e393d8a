"""A clock that a test sets."""

import time


class FakeClock:
    """Callable like `time.time`; starts at `start` (default: now), and moves only by `advance`."""

    def __init__(self, start: float | None = None) -> None:
        self.now = float(int(time.time())) if start is None else float(start)

    def __call__(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Move by `seconds`, backwards if negative, and return the new time."""
        self.now += seconds
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance instead of sleeping."""
        self.advance(max(0.0, seconds))
