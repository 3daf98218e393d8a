"""Prometheus metrics of the requests from clients: by method, route and status, and their durations by route."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.observability.durations import Durations, histogram
from gateway.request import Request


class Metrics(Collector):
    """Counts requests by route, not by path: clients choose paths, and a label must have few values.

    Only the event loop counts, in plain numbers: Prometheus' own metrics take five locks for each request.
    """

    def __init__(self, body_bytes: Callable[[], int] = int) -> None:
        self._body_bytes = body_bytes
        self.in_flight = 0  # the gateway counts up, `observe` down
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
        durations.observe(seconds)
        self.in_flight -= 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as Prometheus' registry expects them."""
        requests = CounterMetricFamily(
            "http_requests", "Number of requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        yield histogram(
            "http_request_duration_seconds",
            "Time from the arrival of a request to the end of its response.",
            "route",
            self._durations,
        )
        yield GaugeMetricFamily("http_requests_in_flight", "Requests under way.", value=self.in_flight)
        yield GaugeMetricFamily(
            "request_body_bytes", "Bytes of request bodies held in memory.", value=self._body_bytes()
        )
