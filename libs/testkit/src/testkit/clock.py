"""A clock that stands still until it is told to move."""

import time


class FakeClock:
    """Callable like time.time; starts now unless told otherwise, and moves only by `advance`."""

    def __init__(self, start: float | None = None) -> None:
        self.now = float(int(time.time())) if start is None else float(start)

    def __call__(self) -> float:
        """Return the seconds since the epoch that it shows."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Move by so many seconds (back, when negative) and return the new time."""
        self.now += seconds
        return self.now

    def sleep(self, seconds: float) -> None:
        """Stand in for time.sleep: the time passes at once."""
        self.advance(max(0.0, seconds))
