"""Counters for Prometheus: requests by route, how long they took, and what the process uses."""

import time
from functools import cache

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_app(app: Flask) -> CollectorRegistry:
    """Count this app's requests in a registry of its own (returned, for a service's own metrics)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    requests = Counter(
        "http_requests_total", "Requests answered.", ("method", "route", "status"), registry=registry
    )
    duration = Histogram(
        "http_request_duration_seconds",
        "Time from the request's arrival to its answer.",
        ("route",),
        registry=registry,
        buckets=BUCKETS,
    )

    @cache  # the values of a label are few, and finding its child takes longer than counting
    def children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return requests.labels(method, route, str(status)), duration.labels(route)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        # the rule and never the path: a label's values must be few, and no stranger may choose them
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.method in METHODS else "other"
        answered, took = children(method, route, response.status_code)
        answered.inc()
        took.observe(elapsed_seconds())
        return response

    app.extensions["metrics"] = registry
    return registry


def elapsed_seconds() -> float:
    """Return how long the request has been served so far."""
    now = time.perf_counter()
    return now - float(g.get("started", now))


def answer(registry: CollectorRegistry) -> Response:
    """Return the registry in Prometheus' text format."""
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
