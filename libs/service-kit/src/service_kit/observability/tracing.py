"""Traces with OpenTelemetry. Only what switches tracing on imports this module: its packages are an extra, `otel`.

No attribute holds what a client chooses: no path, query, header, address or parameter of a statement, and no text of
an exception. The instrumentation packages of OpenTelemetry record those (ADR 0023).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event

from service_kit.observability import spans
from service_kit.observability.metrics import METHODS
from service_kit.worker_threads import ThreadRequired

MAX_STATEMENT = 1000  # characters
_FIRST_SERVER_ERROR, _FIRST_ERROR = 500, 400
_SPAN = "service_kit_span"
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_propagator = TraceContextTextMapPropagator()
# Its text may hold a value, so an exception is recorded by its class alone.
_QUIET: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}


class Tracing:
    """Makes the spans of one process and sends them to the collector in the background.

    The SDK reads the other OTEL_ variables itself: sampler, headers, queue sizes, resource attributes.
    """

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or service
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("touchstone")

    def close(self) -> None:
        """Send the remaining spans."""
        self._provider.shutdown()

    def start_server(self, method: str, traceparent: str | None) -> Span:
        """Return the span of a request, continuing the caller's trace if `traceparent` is valid. End it with `end`."""
        return self._tracer.start_span(
            _method(method),
            _propagator.extract({"traceparent": traceparent or ""}, Context()),
            SpanKind.SERVER,
            {"http.request.method": _method(method)},
        )

    def start_client(self, service: str, method: str, parent: Span) -> Span:
        """Return the span of a call to a service. End it with `end`."""
        return self._tracer.start_span(
            _method(method), trace.set_span_in_context(parent), SpanKind.CLIENT, _call(service, method)
        )

    def serve(
        self, app: WsgiApp, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Call a WSGI app in the span of its request."""
        span = self.start_server(environ["REQUEST_METHOD"], environ.get("HTTP_TRACEPARENT"))
        status, route = 500, None

        def start(line: str, *more: Any) -> Any:
            nonlocal status, route
            status = int(line[:3])
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            route = rule and rule.rule
            return start_response(line, *more)

        try:
            with trace.use_span(span, end_on_exit=False, **_QUIET):
                return app(environ, start)
        except ThreadRequired:
            span = trace.INVALID_SPAN  # the request starts again on a thread, with another span
            raise
        finally:
            self.end_server(span, environ["REQUEST_METHOD"], route, status)

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """Make a span of a database transaction."""
        with self._span(name, SpanKind.INTERNAL, {}):
            yield

    @contextmanager
    def call(self, service: str, method: str) -> Iterator[None]:
        """Make a span of a call to a service."""
        with self._span(_method(method), SpanKind.CLIENT, _call(service, method)):
            yield

    @contextmanager
    def statement(self, text: str, dialect: str) -> Iterator[None]:
        """Make a span of a statement, whose text has placeholders for its parameters."""
        with self._span(_operation(text), SpanKind.CLIENT, _statement(text, dialect)):
            yield

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: dict[str, str]) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, kind=kind, attributes=attributes, **_QUIET) as span:
            try:
                yield
            except BaseException as error:
                _fail(span, type(error).__name__)
                raise

    def trace_statements(self, engine: Engine) -> None:
        """Make a span of each statement that this engine executes in a request."""

        def begin(
            conn: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: object
        ) -> None:
            if spans.current() is not None:
                setattr(context, _SPAN, self._start_statement(statement, conn.dialect.name))

        def end(
            _conn: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: object
        ) -> None:
            span = getattr(context, _SPAN, None)
            if span is not None:
                span.end()

        def fail(context: Any) -> None:
            span = getattr(context.execution_context, _SPAN, None)
            if span is not None:
                _fail(span, type(context.original_exception).__name__)
                span.end()

        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
        event.listen(engine, "handle_error", fail)

    def _start_statement(self, text: str, dialect: str) -> Span:
        return self._tracer.start_span(
            _operation(text), kind=SpanKind.CLIENT, attributes=_statement(text, dialect)
        )

    @staticmethod
    def header(span: Span) -> str:
        """Return the `traceparent` header (W3C Trace Context section 3.2) that makes a span the parent of the next."""
        context = span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    @staticmethod
    def end_server(span: Span, method: str, route: str | None, status: int) -> None:
        """End the span of a request; `route` is the pattern, None if no route was found."""
        if route is not None:
            span.update_name(f"{_method(method)} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= _FIRST_SERVER_ERROR:
            _fail(span, str(status))
        span.end()

    @staticmethod
    def end_client(span: Span, status: int | None, error: str | None = None) -> None:
        """End the span of a call with the status of its response, or with the reason why there is none."""
        if status is not None:
            span.set_attribute("http.response.status_code", status)
            error = str(status) if status >= _FIRST_ERROR else None
        if error is not None:
            _fail(span, error)
        span.end()

    @staticmethod
    def call_status(status: int) -> None:
        """Record the status of a response in the span of its call, the current one."""
        span = trace.get_current_span()
        span.set_attribute("http.response.status_code", status)
        if status >= _FIRST_ERROR:
            _fail(span, str(status))

    @staticmethod
    def trace_id() -> str:
        """Return the id of the current trace."""
        return f"{trace.get_current_span().get_span_context().trace_id:032x}"

    @staticmethod
    def traceparent() -> str:
        """Return the header of the current span."""
        return Tracing.header(trace.get_current_span())


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _method(method: str) -> str:
    return method if method in METHODS else "_OTHER"


def _call(service: str, method: str) -> dict[str, str]:
    return {"http.request.method": _method(method), "peer.service": service}


def _operation(text: str) -> str:
    return text.split(None, 1)[0][:16].upper() if text.strip() else "SQL"


def _statement(text: str, dialect: str) -> dict[str, str]:
    return {
        "db.system.name": dialect,
        "db.operation.name": _operation(text),
        "db.query.text": text[:MAX_STATEMENT],
    }
