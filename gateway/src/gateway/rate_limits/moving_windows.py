"""Moving windows in the memory of this process: exact, and bounded in keys and in requests."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence

from gateway.rate_limits.limit import Count, Limit, Verdict

MAX_KEYS = 65_536  # of each limit; about 250 bytes each
MAX_TIMES = 2_000_000  # of each limit; 8 bytes each


class MovingWindows:
    """Counts requests by their times. Beyond the bounds, the windows of a limit that were unused longest are dropped."""

    def __init__(
        self, now: Callable[[], float], max_keys: int = MAX_KEYS, max_times: int = MAX_TIMES
    ) -> None:
        self._now = now
        self._max_keys = max_keys
        self._max_times = max_times
        self._tables: dict[Limit, _Table] = {}

    def hit(self, counts: Sequence[Count]) -> Verdict:
        """Count one request in all of these windows, or in none if one of them is full."""
        now, allowed, found = self._now(), True, []
        for limit, key in counts:
            table = self._tables.get(limit)
            if table is None:
                table = self._tables[limit] = _Table(limit.period, self._max_keys, self._max_times)
            times, expired = table.times(key, now)
            if len(times) - expired >= limit.amount:
                allowed = False
            found.append((limit, table, times, expired))
        windows = []
        for limit, table, times, expired in found:
            if allowed:
                table.add(times, now)
            used = len(times) - expired
            windows.append((limit, used, (times[expired] - now if used else 0.0) + limit.period))
        return allowed, windows


class _Table:
    """The windows of one limit: for each key the times of its requests, oldest first."""

    __slots__ = ("_by_key", "_max_keys", "_period", "_space")

    def __init__(self, period: int, max_keys: int, max_times: int) -> None:
        self._period = period
        self._max_keys = max_keys
        self._space = max_times
        self._by_key: OrderedDict[str, array[float]] = OrderedDict()

    def times(self, key: str, now: float) -> "tuple[array[float], int]":
        """Return the times of this key, and how many of them have left the window."""
        times = self._by_key.get(key)
        if times is None:
            times = self._by_key[key] = array("d")
            if len(self._by_key) > self._max_keys:
                self._drop()
            return times, 0
        self._by_key.move_to_end(key)
        start = now - self._period
        if not times or times[0] >= start:
            return times, 0
        expired = bisect_left(times, start)
        if expired * 2 < len(times):
            return times, expired  # to delete these at once later takes less time than one by one
        del times[:expired]
        self._space += expired
        return times, 0

    def add(self, times: "array[float]", now: float) -> None:
        """Add a time to those of a key."""
        times.append(now)
        self._space -= 1
        while self._space < 0:
            self._drop()

    def _drop(self) -> None:
        _, times = self._by_key.popitem(last=False)
        self._space += len(times)
