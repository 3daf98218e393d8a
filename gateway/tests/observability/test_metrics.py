"""The metrics of requests."""

from gateway.observability.metrics import Metrics
from gateway.request import Request
from gateway.routing.routes import load_routes


def test_requests_are_counted_by_route():
    metrics, table = Metrics(), load_routes()
    for path in ("/orders/1", "/orders/2"):
        request = Request({"method": "GET", "headers": []}, None, None)
        request.route, request.status = table.find("GET", path), 200
        metrics.observe(request, 0.01)
    route = {"route": "/orders/{id}"}

    assert (
        metrics.registry.get_sample_value("http_requests_total", {"method": "GET", **route, "status": "200"})
        == 2
    )
    assert metrics.registry.get_sample_value("http_request_duration_seconds_count", route) == 2


def test_requests_in_flight_end_with_their_count():
    metrics = Metrics(lambda: 7)
    metrics.in_flight += 2
    metrics.observe(Request({"method": "BREW", "headers": []}, None, None), 0.01)
    assert metrics.registry.get_sample_value("http_requests_in_flight") == 1
    assert metrics.registry.get_sample_value("request_body_bytes") == 7
    unmatched = {"method": "other", "route": "unmatched", "status": "0"}
    assert metrics.registry.get_sample_value("http_requests_total", unmatched) == 1
