"""Spans of requests, statements and calls, with a real SDK that exports into a list."""

import re

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from service_kit.app import create_api
from service_kit.database import Database, open_database
from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability import spans
from service_kit.observability.instrumentation import init_app
from service_kit.observability.spans import Spans
from service_kit.observability.tracing import Tracing
from service_kit.worker_threads import ThreadRequired, require_thread, trying
from sqlalchemy import column, select, text
from sqlalchemy.exc import IntegrityError

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    return Tracing("test-service", exporter)


@pytest.fixture
def finished(tracing, exporter):
    """Return the finished spans by name."""

    def finished():
        tracing.close()
        return {span.name: span for span in exporter.get_finished_spans()}

    return finished


@pytest.fixture
def traced(app, tracing):
    init_app(app, tracing=tracing)
    return app


def parent(span):
    return span.parent and span.parent.span_id


def test_request_span_continues_the_trace(traced, finished):
    traced.test_client().get("/things/1?limit=2", headers={"traceparent": PARENT, "User-Agent": "x"})
    span = finished()["GET /things/<number>"]
    assert (f"{span.context.trace_id:x}", f"{span.parent.span_id:x}") == ("a" * 32, "b" * 16)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/things/<number>",
        "http.response.status_code": 200,
    }
    assert span.resource.attributes["service.name"] == "test-service"


@pytest.mark.parametrize("given", [None, "", "00-0-0-00", PARENT.upper()])
def test_invalid_traceparent_starts_a_trace(traced, finished, given):
    traced.test_client().get("/things/1", headers={"traceparent": given} if given is not None else {})
    assert finished()["GET /things/<number>"].parent is None


def test_error_span_holds_no_text(traced, finished):
    assert traced.test_client().get("/breaks").status_code == 500
    span = finished()["GET /breaks"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes["error.type"], span.events) == ("500", ())


def test_unknown_path_and_method_are_no_names(traced, finished):
    traced.test_client().open("/secret@example.com", method="BREW")
    assert list(finished()) == ["_OTHER"]


def test_tried_request_makes_no_span(tracing, finished):
    def blocked(*_):
        require_thread()

    with pytest.raises(ThreadRequired), trying():
        tracing.serve(blocked, {"REQUEST_METHOD": "GET"}, None)
    assert finished() == {}


def in_request(tracing, work):
    """Run `work` in the span of a request."""

    def app(_environ, start_response):
        spans.bind(Spans(tracing))
        try:
            work()
        finally:
            spans.bind(None)
        start_response("200 OK", [])
        return []

    tracing.serve(app, {"REQUEST_METHOD": "GET"}, lambda *_: None)


def test_call_passes_its_span_on(tracing, exporter, upstream):
    in_request(tracing, lambda: ServiceClient(upstream.url, name="users-service").get("/users/me?secret=1"))
    tracing.close()
    call, request = exporter.get_finished_spans()
    assert parent(call) == request.context.span_id
    sent = upstream.received[0].headers["traceparent"]
    assert sent.startswith(f"00-{call.context.trace_id:032x}-{call.context.span_id:016x}-")
    assert dict(call.attributes) == {
        "http.request.method": "GET",
        "peer.service": "users-service",
        "http.response.status_code": 200,
    }


def test_failed_call_has_error_type(tracing, finished):
    client = ServiceClient("http://127.0.0.1:9", name="users-service", sleep=lambda _: None)

    def work():
        with pytest.raises(UpstreamUnavailable):
            client.post("/orders")

    in_request(tracing, work)
    assert finished()["POST"].attributes["error.type"] == "UpstreamUnavailable"


@pytest.fixture
def database(tmp_path, tracing):
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    tracing.trace_statements(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (email TEXT UNIQUE)"))
    yield Database(engine)
    engine.dispose()


ALL = select(column("email")).select_from(text("people"))


def test_statements_have_no_parameters(tracing, finished, database):
    def work():
        for _ in range(2):
            with database.begin() as session:
                session.execute(text("INSERT INTO people VALUES (:email)"), {"email": "a@example.com"})

    with pytest.raises(IntegrityError):
        in_request(tracing, work)
    found = finished()
    insert = found["INSERT"]
    assert dict(insert.attributes) == {
        "db.system.name": "sqlite",
        "db.operation.name": "INSERT",
        "db.query.text": "INSERT INTO people VALUES (?)",
        "error.type": "IntegrityError",
    }
    assert parent(insert) == found["transaction"].context.span_id
    assert "example.com" not in "".join(span.to_json() for span in found.values())


def test_prepared_statement_is_a_span(tracing, finished, database):
    in_request(tracing, lambda: database.fetch(ALL))
    assert finished()["SELECT"].attributes["db.query.text"].split() == ["SELECT", "email", "FROM", "people"]


def test_statement_outside_request_is_no_span(finished, database):
    database.fetch(ALL)
    with database.read() as session:
        session.execute(ALL)
    assert finished() == {}


def test_log_line_has_trace_id(settings, tracing, capsys):
    app = create_api("x", settings, title="X", version="1")
    init_app(app, tracing=tracing)
    app.test_client().get("/nowhere", headers={"traceparent": PARENT})
    assert f'"trace_id": "{"a" * 32}"' in capsys.readouterr().out


def test_server_timing_has_parts(app, upstream, database):
    @app.get("/parts")
    def parts():
        ServiceClient(upstream.url, name="users-service").get("/")
        database.fetch(ALL)
        return {}

    init_app(app, server_timing=True)
    header = app.test_client().get("/parts").headers["Server-Timing"]
    assert re.fullmatch(r"app;dur=[0-9.]+, users-service;dur=[0-9.]+, db;dur=[0-9.]+", header)


def test_no_server_timing_by_default(client):
    assert "Server-Timing" not in client.get("/things/1").headers
