"""What is written down about a request at the door: one log line, and the metrics."""

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from service_kit.metrics import BUCKETS, METHODS

from gateway.requestlog import RequestLog

if TYPE_CHECKING:
    from gateway.visit import Visit


class Record:
    """Counts requests by route, never by path: a label's values must be few, and no stranger may choose them."""

    def __init__(self, *, log: bool = True) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "http_requests_total", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its answer.",
            ("route",),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}
        self._log = RequestLog() if log else None

    def request(self, visit: "Visit") -> None:
        """Record a request that has been answered, or given up (status 499)."""
        took = time.perf_counter() - visit.started
        route = visit.route.pattern if visit.route else "unmatched"
        method = visit.method if visit.method in METHODS else "other"
        key = (method, route, visit.status)
        children = self._children.get(key)
        if children is None:
            children = self._requests.labels(method, route, str(visit.status)), self._duration.labels(route)
            self._children[key] = children
        children[0].inc()
        children[1].observe(took)
        if self._log is not None:
            self._log.write(visit, method, took)
