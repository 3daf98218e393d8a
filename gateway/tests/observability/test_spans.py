"""The timed steps of a request."""

import re

import pytest
from gateway.observability.spans import MAX_SERVICE_PARTS, RequestSpans, SpanMaker, service_parts
from gateway.request import Request
from gateway.routing.routes import load_routes
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from service_kit.observability.tracing import Tracing

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def made(traceparent=b""):
    request = Request({"method": "GET", "headers": [(b"traceparent", traceparent)]}, None, None)
    request.status = 200
    return request


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    return Tracing("gateway", exporter)


def test_all_off_makes_no_spans():
    assert SpanMaker.of(None, server_timing=False) is None


def test_server_timing_has_steps_and_service_parts():
    spans = SpanMaker.of(None, server_timing=True)(made())
    spans.mark(b"auth")
    spans.begin_call("users-service")
    spans.end_call("users-service", "2xx", 200, [(b"Server-Timing", b"app;dur=1.50, db;dur=0.4")])
    ((name, value),) = spans.header()
    number = rb"[0-9]+\.[0-9]{2}"
    expected = (
        rb"auth;dur=N, upstream;dur=N, users-service\.app;dur=1\.50, users-service\.db;dur=0\.4, total;dur=N"
    )
    assert name == b"server-timing"
    assert re.fullmatch(expected.replace(b"N", number), value)
    assert spans.trace_id is None
    spans.end()


@pytest.mark.parametrize(
    "value",
    [b"", b"x", b"a;desc=secret;dur=1", b"a;dur=-1", b"a;dur=1e9", b"a b;dur=1", b"a" * 65 + b";dur=1"],
)
def test_other_text_of_a_service_is_dropped(value):
    assert service_parts(b"s", [(b"server-timing", value)]) == []


def test_parts_of_a_service_are_bounded():
    assert len(service_parts(b"s", [(b"server-timing", b"a;dur=1," * 99)])) == MAX_SERVICE_PARTS


def test_call_is_child_of_request_in_callers_trace(tracing, exporter):
    request = made(PARENT.encode())
    request.route = load_routes().find("GET", "/orders/1")
    spans = RequestSpans(request, tracing, server_timing=False)
    spans.begin_call("orders-service")
    sent = request.traceparent.decode()
    spans.end_call("orders-service", "2xx", 200, [])
    spans.end()
    tracing.close()
    call, server = exporter.get_finished_spans()
    assert server.name == "GET /orders/{id}"
    assert (f"{server.parent.span_id:x}", call.parent.span_id) == ("b" * 16, server.context.span_id)
    assert sent.startswith(f"00-{'a' * 32}-{call.context.span_id:016x}-")
    assert spans.trace_id == "a" * 32
    assert spans.header() == ()
    assert call.attributes["peer.service"] == "orders-service"


def test_failed_call_has_its_reason(tracing, exporter):
    spans = RequestSpans(made(), tracing, server_timing=False)
    spans.begin_call("orders-service")
    spans.end_call("orders-service", "upstream_timeout", None, [])
    tracing.close()
    (call,) = exporter.get_finished_spans()
    assert call.attributes["error.type"] == "upstream_timeout"
    assert call.status.status_code is StatusCode.ERROR
