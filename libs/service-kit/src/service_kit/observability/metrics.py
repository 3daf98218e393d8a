"""Prometheus metrics of requests and of the log."""

from collections.abc import Callable, Iterator
from functools import cache

from flask import Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from service_kit.observability.stdout import stdout

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_counter(registry: CollectorRegistry) -> Callable[[Request, int, float], None]:
    """Return a function that counts a request, with its status and duration in seconds, in this registry."""
    requests = Counter(
        "http_requests_total", "Number of requests.", ("method", "route", "status"), registry=registry
    )
    duration = Histogram(
        "http_request_duration_seconds",
        "Time from the request to its response.",
        ("route",),
        registry=registry,
        buckets=BUCKETS,
    )

    @cache  # labels have few values, and the lookup takes longer than counting
    def children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return requests.labels(method, route, str(status)), duration.labels(route)

    def record(request: Request, status: int, seconds: float) -> None:
        # The rule, not the path: labels must have few values, which no client can choose.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.method in METHODS else "other"
        total, seconds_histogram = children(method, route, status)
        total.inc()
        seconds_histogram.observe(seconds)

    return record


class LogMetrics(Collector):
    """Collects how many lines of the log were lost because stdout was not read."""

    def collect(self) -> Iterator[Metric]:
        """Return the metric."""
        yield CounterMetricFamily(
            "log_lines_dropped", "Lines that stdout did not take in time.", value=stdout.dropped
        )


def metrics_response(registry: CollectorRegistry) -> Response:
    """Return the registry in Prometheus' text format."""
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
