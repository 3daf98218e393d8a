"""What is done around each request, errors included: it gets its id, is counted, and written down.

Around the app instead of in Flask's hooks: there each look at the request costs as much as counting it.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request

from service_kit import requestid

# Is told the request, the status of its answer, and the seconds that it took.
Recorder = Callable[[Request, int, float], None]


def init_app(app: Flask, *recorders: Recorder) -> None:
    """Name each request (see requestid), put the id on its answer, and tell the recorders when it has been answered."""
    answer = app.wsgi_app
    app.app_ctx_globals_class = requestid.Globals

    def recorded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = time.perf_counter()
        name = requestid.take(environ)
        request: Request | None = None
        status = 500

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal request, status
            request = environ["werkzeug.request"]  # Flask forgets it when it is done
            status = int(line[:3])
            return start_response(line, [*headers, (requestid.HEADER, name)], *more)

        try:
            return answer(environ, start)
        finally:
            if request is not None:
                seconds = time.perf_counter() - begun
                for record in recorders:
                    record(request, status, seconds)
            requestid.forget()

    app.wsgi_app = recorded  # type: ignore[method-assign]  # the way that Flask's documentation names
