"""Prometheus metrics: requests by method, route and status, and their durations by route."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from service_kit.observability.metrics import BUCKETS

from gateway.request import Request

_BOUNDS = [*map(str, BUCKETS), "+Inf"]


class Durations:
    """The durations of the requests to one route: a count for each bucket, and seconds in all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Metrics(Collector):
    """Counts requests by route, not by path: clients choose paths, and a label must have few values.

    Only the event loop counts, in plain numbers: Prometheus' own metrics take five locks for each request.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, Durations] = {}
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def observe(self, request: Request, seconds: float) -> None:
        """Count a request that was answered, or whose client has gone (status 499)."""
        route = request.route.pattern if request.route else "unmatched"
        self._requests[request.method_label, route, request.status] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = Durations()
        durations.counts[bisect_left(BUCKETS, seconds)] += 1
        durations.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as Prometheus' registry expects them."""
        requests = CounterMetricFamily(
            "http_requests", "Number of requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        duration = HistogramMetricFamily(
            "http_request_duration_seconds",
            "Time from the arrival of a request to the end of its response.",
            labels=("route",),
        )
        for route, seen in list(self._durations.items()):
            buckets = list(zip(_BOUNDS, map(float, accumulate(seen.counts)), strict=True))
            duration.add_metric((route,), buckets, seen.seconds)
        yield duration
