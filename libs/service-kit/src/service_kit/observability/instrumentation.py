"""WSGI middleware around each request, errors included: its id, spans, metrics and log line.

In Flask's hooks each access to the request would cost as much as counting it.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request
from touchstone.flask import bearer_token

from service_kit.observability import request_id, spans
from service_kit.observability.server_timing import token_facts
from service_kit.observability.spans import Spans

if TYPE_CHECKING:
    from service_kit.observability.tracing import Tracing

# Called with the request, the status of its response, and its duration in seconds.
Recorder = Callable[[Request, int, float], None]


def init_app(
    app: Flask, *recorders: Recorder, server_timing: bool = False, tracing: "Tracing | None" = None
) -> None:
    """Set the id of each request, send it with the response, and call the recorders after each response.

    With `server_timing` the response has the durations of the request's parts, and what its token was verified to say;
    `tracing` makes spans of the parts.
    """
    wsgi_app = app.wsgi_app
    app.app_ctx_globals_class = request_id.Globals

    def recorded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = time.perf_counter()
        name = request_id.bind_environ(environ)
        request: Request | None = None
        status = 500

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal request, status
            request = environ["werkzeug.request"]  # Flask has dropped it when the call ends
            status = int(line[:3])
            added = [*headers, (request_id.HEADER, name)]
            timed = spans.current() if server_timing else None
            if timed is not None:
                claims = environ.get("touchstone.claims")  # of the token, if one was verified
                if claims is not None:
                    spans.describe(**token_facts(claims, bearer_token(environ)))
                added.append(("Server-Timing", timed.server_timing(time.perf_counter() - begun)))
            return start_response(line, added, *more)

        try:
            return wsgi_app(environ, start)
        finally:
            try:
                if request is not None:
                    seconds = time.perf_counter() - begun
                    for record in recorders:
                        record(request, status, seconds)
            finally:
                request_id.unbind()

    def with_spans(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        spans.bind(Spans(tracing))
        try:
            if tracing is None:
                return recorded(environ, start_response)
            return tracing.serve(recorded, environ, start_response)
        finally:
            spans.bind(None)

    # The way that Flask's documentation names.
    app.wsgi_app = with_spans if server_timing or tracing else recorded  # type: ignore[method-assign]
