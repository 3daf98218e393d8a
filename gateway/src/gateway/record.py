"""What is written down about a request at the door: one log line, and the metrics."""

import time
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from service_kit.logs import QUIET_PATHS
from service_kit.metrics import BUCKETS, METHODS

if TYPE_CHECKING:
    from gateway.door import Visit


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
        self._log = structlog.get_logger("request") if log else None

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
        if self._log is not None and visit.path not in QUIET_PATHS:
            more = {} if visit.claims is None else {"sub": visit.claims.subject}
            self._log.info(
                "request",
                method=method,
                path=visit.path or "(refused)",
                status=visit.status,
                duration_ms=round(took * 1000, 2),
                request_id=visit.headers.request_id,
                **more,
            )
