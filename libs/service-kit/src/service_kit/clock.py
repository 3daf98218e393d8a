"""Times: Unix seconds in the code, from a clock that is always a parameter; datetimes only in JSON."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]


def utc_datetime(seconds: float) -> datetime:
    """Return the time as JSON has it (RFC 3339, in UTC, to the microsecond)."""
    return datetime.fromtimestamp(seconds, UTC)
