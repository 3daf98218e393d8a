"""The timed parts of a request in a service: transactions, statements, calls to other services.

They go into the Server-Timing header (SERVER_TIMING) and to OpenTelemetry (OTEL_EXPORTER_OTLP_ENDPOINT). With both off,
and outside of requests, there are no Spans, and nothing is timed. OpenTelemetry is imported only where tracing is on.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from itertools import chain
from typing import Protocol

from service_kit.observability import server_timing

DATABASE = "db"  # the part of the Server-Timing header
_current: ContextVar["Spans | None"] = ContextVar("spans", default=None)


class Tracing(Protocol):
    """What makes the spans: service_kit.observability.tracing.Tracing."""

    def trace_id(self) -> str:
        """Return the id of the current trace."""

    def traceparent(self) -> str:
        """Return the header of the current span."""

    def transaction(self, name: str) -> AbstractContextManager[None]:
        """Make a span of a database transaction."""

    def statement(self, text: str, dialect: str) -> AbstractContextManager[None]:
        """Make a span of a statement."""

    def call(self, service: str, method: str) -> AbstractContextManager[None]:
        """Make a span of a call to a service."""

    def call_status(self, status: int) -> None:
        """Record the status of a response in the span of its call, the current one."""


class Spans:
    """The timed parts of one request; `tracing` makes a span of each.

    `facts` is what the request's credentials were verified to say; `called` has the parts of other services, by name.
    """

    __slots__ = ("called", "facts", "seconds", "tracing")

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.tracing = tracing
        self.seconds: dict[str, float] = {}
        self.facts = ""
        self.called: dict[str, list[str]] = {}

    def server_timing(self, seconds: float) -> str:
        """Return the Server-Timing header (W3C) of a request that took `seconds` so far; durations are milliseconds."""
        own = [server_timing.part("app", seconds, self.facts)]
        own += [server_timing.part(name, value) for name, value in self.seconds.items()]
        return ", ".join([*own, *chain.from_iterable(self.called.values())])


def current() -> Spans | None:
    """Return the spans of this request, None outside of one or if nothing is recorded."""
    return _current.get()


def bind(spans: Spans | None) -> None:
    """Set the spans of this thread, or of this task of an event loop."""
    _current.set(spans)


def trace_id() -> str | None:
    """Return the id of the current trace, 32 hexadecimal digits; None without tracing."""
    spans = _current.get()
    return None if spans is None or spans.tracing is None else spans.tracing.trace_id()


def traceparent() -> str | None:
    """Return the `traceparent` header of the current span; None without tracing."""
    spans = _current.get()
    return None if spans is None or spans.tracing is None else spans.tracing.traceparent()


def transaction(name: str) -> AbstractContextManager[None]:
    """Time a transaction, with its wait for a lock and its commit."""
    return _timed(DATABASE, lambda tracing: tracing.transaction(name))


def statement(text: str, dialect: str) -> AbstractContextManager[None]:
    """Time a statement that is a transaction of its own."""
    return _timed(DATABASE, lambda tracing: tracing.statement(text, dialect))


def call(service: str, method: str) -> AbstractContextManager[None]:
    """Time one attempt of a call to another service."""
    return _timed(service, lambda tracing: tracing.call(service, method))


@contextmanager
def _timed(part: str, span: Callable[[Tracing], AbstractContextManager[None]]) -> Iterator[None]:
    spans = _current.get()
    if spans is None:
        yield
        return
    begun = time.perf_counter()
    try:
        with nullcontext() if spans.tracing is None else span(spans.tracing):
            yield
    finally:
        spans.seconds[part] = spans.seconds.get(part, 0.0) + time.perf_counter() - begun


def response(service: str, status: int, timing: str) -> None:
    """Record the response to the current call: its status, and its Server-Timing header."""
    spans = _current.get()
    if spans is None:
        return
    if timing:
        spans.called[service] = server_timing.parts_of(service, timing)
    if spans.tracing is not None:
        spans.tracing.call_status(status)


def describe(**facts: Iterable[str]) -> None:
    """Say in Server-Timing what the credentials of this request were verified to say. Name nothing secret."""
    spans = _current.get()
    if spans is not None:
        spans.facts = server_timing.facts(facts)
