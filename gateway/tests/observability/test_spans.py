"""The timed steps of a request."""

import re

import pytest
from gateway.observability.spans import RequestSpans, SpanMaker, service_parts
from gateway.request import Request
from gateway.routing.routes import load_routes
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from service_kit.observability.tracing import Tracing
from touchstone.claims import read

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def made(**headers):
    raw = [(name.encode(), value) for name, value in headers.items()]
    request = Request({"method": "GET", "headers": raw}, None, None)
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


def test_other_text_of_a_service_is_dropped():
    headers = [
        (b"server-timing", b'a;desc=secret;dur=1, b;dur=1;desc="aud=x"'),
        (b"Server-Timing", b"\xff;dur=1, c;dur=2"),
    ]
    assert service_parts("s", headers) == ['s.b;dur=1;desc="aud=x"', "s.c;dur=2"]


def test_token_check_says_what_it_verified(signer):
    claims = signer.claims(
        aud=["orders-service", "other"], scope="orders:write orders:read", act={"sub": "a"}
    )
    token = signer.sign(claims)
    request = made(authorization=f"Bearer {token}".encode())
    request.route = load_routes().find("POST", "/orders")
    spans = SpanMaker.of(None, server_timing=True)(request)
    spans.mark(b"limits")
    request.claims = read(claims, b"{}", claims["iss"])
    spans.mark(b"auth")
    spans.mark(b"body")
    ((_, value),) = spans.header()
    limits, auth, body, _total = value.decode().split(", ")
    expected = (
        "audience=orders-service required=orders:write aud=orders-service+other scope=orders:read+orders:write"
        f" client_id={claims['client_id']} act=a kid={signer.kid} status=none"
    )
    assert auth.partition(";desc=")[2] == f'"{expected}"'
    assert "desc" not in limits + body
    assert not {token, *token.split(".")} & set(re.split("[^A-Za-z0-9_-]", value.decode()))


def test_call_is_child_of_request_in_callers_trace(tracing, exporter):
    request = made(traceparent=PARENT.encode())
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
