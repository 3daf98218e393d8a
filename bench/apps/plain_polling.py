"""A proxy that disables long polling: it passes every GET on without `Prefer`, so that the response comes at once."""

from __future__ import annotations

import requests
from testkit.upstream import HttpServer, Received, Response

ONWARD = ("If-None-Match", "Accept")
BACK = ("Content-Type", "ETag", "Cache-Control")


class PlainPolling(HttpServer):
    """A proxy in front of `target` (a base URL, to be set before the first request)."""

    target = ""

    def respond(self, request: Received) -> Response:
        """Return the target's response; 502 if there is none."""
        headers = {name: request.headers[name] for name in ONWARD if name in request.headers}
        try:
            answer = requests.get(
                self.target + request.path, headers=headers, timeout=5, allow_redirects=False
            )
        except requests.RequestException:
            return 502, {"Content-Length": "0"}, []
        kept = {name: answer.headers[name] for name in BACK if name in answer.headers}
        if answer.status_code != 304:
            kept["Content-Length"] = str(len(answer.content))
        return answer.status_code, kept, [answer.content]
