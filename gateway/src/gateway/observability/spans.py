"""The timed steps of a request: for the Server-Timing header, and as spans of OpenTelemetry.

A request has them only if SERVER_TIMING or tracing is on.
"""

import time
from typing import TYPE_CHECKING

from service_kit.observability import server_timing

from gateway.authentication import bearer_token
from gateway.headers import Headers
from gateway.request import Request

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from service_kit.observability.tracing import Tracing


class RequestSpans:
    """The steps of one request, and its span."""

    __slots__ = ("_call", "_last", "_parts", "_request", "_span", "_tracing", "trace_id")

    def __init__(self, request: Request, tracing: "Tracing | None", *, server_timing: bool) -> None:
        self._request = request
        self._last = request.started
        self._parts: list[str] | None = [] if server_timing else None
        self._tracing = tracing
        self._call: Span | None = None
        self._span: Span | None = None
        self.trace_id: str | None = None  # without tracing
        if tracing is not None:
            given = request.traceparent
            self._span = tracing.start_server(request.method, (given or b"").decode("latin-1"))
            self.trace_id = f"{self._span.get_span_context().trace_id:032x}"

    def mark(self, step: bytes) -> None:
        """End a step, which began at the end of the one before. The token check has what it verified."""
        now = time.perf_counter()
        if self._parts is not None:
            facts = _verified(self._request) if step == b"auth" else ""
            self._parts.append(server_timing.part(step.decode(), now - self._last, facts))
        self._last = now

    def begin_call(self, service: str) -> None:
        """Begin the call of a service, and make its span the parent of the service's."""
        self._last = time.perf_counter()
        if self._tracing is not None and self._span is not None:
            self._call = self._tracing.start_client(service, self._request.method, self._span)
            self._request.traceparent = self._tracing.header(self._call).encode()

    def end_call(self, service: str, outcome: str, status: int | None, headers: Headers) -> None:
        """End the call with the head of its response; without one `outcome` says why."""
        self.mark(b"upstream")
        if self._parts is not None:
            self._parts += service_parts(service, headers)
        if self._tracing is not None and self._call is not None:
            self._tracing.end_client(self._call, status, outcome)

    def header(self) -> Headers:
        """Return the Server-Timing header (W3C) if it is on: milliseconds, `total` until this call."""
        if self._parts is None:
            return ()
        total = server_timing.part("total", time.perf_counter() - self._request.started)
        return ((b"server-timing", ", ".join([*self._parts, total]).encode()),)

    def end(self) -> None:
        """End the span of the request."""
        if self._tracing is not None and self._span is not None:
            route = self._request.route
            self._tracing.end_server(
                self._span,
                self._request.method,
                None if route is None else route.pattern,
                self._request.status,
            )


class SpanMaker:
    """Makes the spans of requests."""

    def __init__(self, tracing: "Tracing | None", *, server_timing: bool) -> None:
        self._tracing = tracing
        self._server_timing = server_timing

    @classmethod
    def of(cls, tracing: "Tracing | None", *, server_timing: bool) -> "SpanMaker | None":
        """Return one, or None if all is off."""
        return cls(tracing, server_timing=server_timing) if tracing or server_timing else None

    def __call__(self, request: Request) -> RequestSpans:
        """Return the spans of a request that begins."""
        return RequestSpans(request, self._tracing, server_timing=self._server_timing)

    def close(self) -> None:
        """Send the spans that are waiting."""
        if self._tracing is not None:
            self._tracing.close()


def service_parts(service: str, headers: Headers) -> list[str]:
    """Return the parts of a service's own Server-Timing, the service's name before each; other text is dropped."""
    value = b",".join(value for name, value in headers if name.lower() == b"server-timing")
    return server_timing.parts_of(service, value.decode("latin-1"))


def _verified(request: Request) -> str:
    """Return what the gateway demanded of the token, and what it was verified to say."""
    route, claims = request.route, request.claims
    if route is None or route.audience is None or claims is None:
        return ""
    own = {"audience": [route.audience], "required": route.scopes}
    token = bearer_token(request.authorization)
    return server_timing.facts({**own, **server_timing.token_facts(claims, token)})
