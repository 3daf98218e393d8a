"""What is done around each request, errors included: it gets an id, is counted, and leaves a line in the log.

This is done around the app and not in Flask's hooks, where each access to the request costs as much as counting it.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request

from service_kit.observability import request_id

# Called with the request, the status of its answer, and the seconds that it took.
Recorder = Callable[[Request, int, float], None]


def init_app(app: Flask, *recorders: Recorder) -> None:
    """Give each request an id (see requestid), send it with the answer, and call the recorders when that is made."""
    answer = app.wsgi_app
    app.app_ctx_globals_class = request_id.Globals

    def recorded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = time.perf_counter()
        name = request_id.bind_environ(environ)
        request: Request | None = None
        status = 500

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal request, status
            request = environ["werkzeug.request"]  # Flask forgets it when it is done
            status = int(line[:3])
            return start_response(line, [*headers, (request_id.HEADER, name)], *more)

        try:
            return answer(environ, start)
        finally:
            try:
                if request is not None:
                    seconds = time.perf_counter() - begun
                    for record in recorders:
                        record(request, status, seconds)
            finally:
                request_id.unbind()

    app.wsgi_app = recorded  # type: ignore[method-assign]  # the way that Flask's documentation names
