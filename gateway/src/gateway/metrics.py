"""What is written down about a request at the door: one log line, and the metrics."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from service_kit.observability.metrics import BUCKETS, METHODS

from gateway.access_log import RequestLog

if TYPE_CHECKING:
    from gateway.request import Visit

_BOUNDS = [*map(str, BUCKETS), "+Inf"]


class Durations:
    """How long requests to one route took: how many in each bucket, and seconds in all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Record(Collector):
    """Counts requests by route, never by path: a label's values must be few, and no stranger may choose them.

    One thread counts, in plain numbers; Prometheus' own children take a lock for each of the five that a request moves.
    """

    def __init__(self, *, log: bool = True) -> None:
        self.registry = CollectorRegistry()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, Durations] = {}
        self._log = RequestLog() if log else None
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def request(self, visit: "Visit") -> None:
        """Record a request that has been answered, or given up (status 499)."""
        took = time.perf_counter() - visit.started
        route = visit.route.pattern if visit.route else "unmatched"
        method = visit.method if visit.method in METHODS else "other"
        self._requests[method, route, visit.status] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = Durations()
        durations.counts[bisect_left(BUCKETS, took)] += 1
        durations.seconds += took
        if self._log is not None:
            self._log.write(visit, method, took)

    def close(self) -> None:
        """Leave nothing unwritten."""
        if self._log is not None:
            self._log.flush()

    def collect(self) -> Iterator[Metric]:
        """Return the figures to Prometheus' registry."""
        requests = CounterMetricFamily(
            "http_requests", "Requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        duration = HistogramMetricFamily(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its answer.",
            labels=("route",),
        )
        for route, seen in list(self._durations.items()):
            buckets = list(zip(_BOUNDS, map(float, accumulate(seen.counts)), strict=True))
            duration.add_metric((route,), buckets, seen.seconds)
        yield duration
