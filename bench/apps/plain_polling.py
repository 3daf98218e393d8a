"""A proxy that disables long polling: it passes every GET on without `Prefer`, so that the response comes at once."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

ONWARD = ("If-None-Match", "Accept")
BACK = ("Content-Type", "ETag", "Cache-Control")


class PlainPolling:
    """A proxy in front of `target` (a base URL, to be set before the first request); a context manager."""

    def __init__(self) -> None:
        self.target = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The URL of the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: PlainPolling) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            """Do not log."""

        def do_GET(self) -> None:
            headers = {name: self.headers[name] for name in ONWARD if name in self.headers}
            try:
                answer = requests.get(
                    proxy.target + self.path, headers=headers, timeout=5, allow_redirects=False
                )
            except requests.RequestException:
                self.send_error(502)
                return
            self.send_response(answer.status_code)
            for name in BACK:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            if answer.status_code != 304:
                self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    return Handler
