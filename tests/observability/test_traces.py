"""One order is one trace through gateway, services, token exchange and databases, at a collector."""

import json
import subprocess
import sys

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.trace_collector import TraceCollector
from testkit.user import User

EMAIL = "alice@example.com"


@pytest.fixture(scope="module")
def collector():
    with TraceCollector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector):
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with ForkedCluster({"RATE_LIMITS": "off", **settings}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def order(traced, collector, client_at):
    """The response to an order, and the spans of its trace once all have arrived."""
    user = User(client_at(traced.gateway), EMAIL, DEMO_PASSWORD)
    items = {"items": [{"sku": user.client("GET", "/products").json()["items"][0]["sku"], "quantity": 1}]}
    response = user.client("POST", "/orders?note=in-the-query", token=user.token, json=items)
    assert response.status_code == 201, response.text

    def trace():
        spans = collector.spans()
        ends = [span for span in spans if (span.service, span.name) == ("gateway", "POST /orders")]
        return [span for span in spans if span.trace == ends[0].trace] if ends else []

    # A service's own span ends last, so those below it have arrived by then.
    services = {"gateway", "auth-service", "users-service", "orders-service"}
    wait_for(lambda: services <= {span.service for span in trace() if span.kind == "SERVER"})
    return response, trace()


def test_order_is_one_trace(order):
    _, spans = order
    by_id = {span.id: span for span in spans}

    def path(service, name):
        (span,) = [
            span for span in spans if (span.service, span.name, span.kind) == (service, name, "SERVER")
        ]
        names = []
        while span is not None:
            names.append(f"{span.service} {span.kind}")
            span = by_id.get(span.parent)
        return names

    order = ["orders-service SERVER", "gateway CLIENT", "gateway SERVER"]
    assert path("gateway", "POST /orders") == order[2:]
    assert path("orders-service", "POST /orders") == order
    assert path("auth-service", "POST /oauth/token") == [
        "auth-service SERVER",
        "orders-service CLIENT",
        *order,
    ]
    assert path("users-service", "GET /users/me") == ["users-service SERVER", "orders-service CLIENT", *order]


@pytest.mark.parametrize("service", ["auth-service", "users-service", "orders-service"])
def test_statements_are_in_the_trace(order, service):
    statements = [span for span in order[1] if span.service == service and "db.query.text" in span.attributes]
    assert {span.attributes["db.system.name"] for span in statements} == {"sqlite"}
    ids = {span.id for span in order[1] if span.service == service}
    assert all(span.parent in ids for span in statements)


def test_spans_hold_nothing_secret(order, collector):
    sent = collector.bodies()
    for secret in (b"eyJ", b"example.com", b"in-the-query", DEMO_PASSWORD.encode(), b"Bearer", b"127.0.0.1"):
        assert secret not in sent
    assert max(len(value) for span in collector.spans() for value in span.attributes.values()) <= 1000


@pytest.mark.parametrize("service", ["gateway", "orders-service", "users-service", "auth-service"])
def test_log_lines_have_the_trace_id(order, traced, service):
    def logged():
        lines = [json.loads(line) for line in traced.log(service).splitlines() if line.startswith("{")]
        return any(line.get("trace_id") == order[1][0].trace for line in lines)

    wait_for(logged)


def test_server_timing_has_parts_of_each_process(order):
    names = [part.partition(";")[0].strip() for part in order[0].headers["Server-Timing"].split(",")]
    assert {"auth", "upstream", "orders-service.app", "orders-service.db"} <= set(names)
    assert {"orders-service.auth-service", "orders-service.users-service"} <= set(names)


def test_without_server_timing_no_header(traced, client_at):
    traced.stop_service("gateway")
    traced.start_service("gateway", SERVER_TIMING="off")
    assert "Server-Timing" not in client_at(traced.gateway)("GET", "/products").headers


@pytest.mark.parametrize(
    "module", ["auth_service.app", "users_service.app", "orders_service.app", "gateway.app"]
)
def test_tracing_off_imports_nothing(module):
    create = "from gateway.settings import Settings; module.create_app(Settings.read()).close()"
    program = (
        f"import sys; import {module} as module; {create if module == 'gateway.app' else ''}\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env={}).returncode == 0
