"""WSGI middleware around each request, errors included: its id, its metrics and its log line.

In Flask's hooks each access to the request would cost as much as counting it.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request

from service_kit.observability import request_id

# Called with the request, the status of its response, and its duration in seconds.
Recorder = Callable[[Request, int, float], None]


def init_app(app: Flask, *recorders: Recorder) -> None:
    """Set the id of each request, send it with the response, and call the recorders after each response."""
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
            return start_response(line, [*headers, (request_id.HEADER, name)], *more)

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

    app.wsgi_app = recorded  # type: ignore[method-assign]  # the way that Flask's documentation names
