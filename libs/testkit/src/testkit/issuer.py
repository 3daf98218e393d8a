"""A real HTTP server on a loopback port that plays the issuer, as well or as badly as a test wants."""

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

JWKS_PATH = "/.well-known/jwks.json"


@dataclass(slots=True)
class Document:
    """What is answered at one path; change its members and the next answer differs."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    etag: bool = True

    @property
    def tag(self) -> str:
        """The strong entity tag of the body."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def unless(self, known: str) -> "Document":
        """Return the document, or a 304 when its tag is the one that the client knows (RFC 9110 section 13.1.2)."""
        if self.status != 200 or not self.etag or known != self.tag:
            return self
        return Document(b"", self.content_type, 304, {**self.headers, "ETag": known}, etag=False)


class FakeIssuer:
    """Serves documents with ETag and If-None-Match; counts requests by path, keeps the headers of each.

    With `long_poll`, a conditional request with `Prefer: wait=N` (RFC 7240) is held until the document changes
    through `publish`, or the wait ends. Use it as a context manager, or call `close`.
    """

    def __init__(self, jwks: dict[str, Any] | None = None, *, long_poll: bool = False) -> None:
        self.documents: dict[str, Document] = {}
        self.requests: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.long_poll = long_poll
        self._changed = threading.Condition()
        self._closing = False
        self.publish(JWKS_PATH, {"keys": []} if jwks is None else jwks)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The issuer's base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def jwks(self) -> Document:
        """The JWKS document, to be spoiled at will."""
        return self.documents[JWKS_PATH]

    def publish(
        self, path: str, body: bytes | str | dict[str, Any], content_type: str = "application/json"
    ) -> Document:
        """Serve this at the path from now on, and wake whoever waits for a change."""
        raw = (
            body.encode()
            if isinstance(body, str)
            else body
            if isinstance(body, bytes)
            else json.dumps(body).encode()
        )
        with self._changed:
            self.documents[path] = Document(raw, content_type)
            self._changed.notify_all()
        return self.documents[path]

    def wait_for_change(self, path: str, tag: str, seconds: float) -> None:
        """Block until the path's tag is another, the time is over or the issuer closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self.documents[path].tag != tag, seconds)

    def close(self) -> None:
        """Stop serving; connections are refused from here on."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of many tests."""


def _handler(issuer: FakeIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            """Keep the tests' output to themselves."""

        def do_GET(self) -> None:
            issuer.requests[self.path] += 1
            issuer.seen.append((self.path, dict(self.headers.items())))
            if self.path not in issuer.documents:
                self._answer(Document(b"not here", "text/plain", 404, etag=False))
                return
            known = self.headers.get("If-None-Match", "")
            wait = self.headers.get("Prefer", "").removeprefix("wait=")
            if issuer.long_poll and known and wait.isdigit():
                issuer.wait_for_change(self.path, known, float(wait))
            document = issuer.documents[self.path]
            if document.delay:
                threading.Event().wait(document.delay)
            self._answer(document.unless(known))

        def _answer(self, document: Document) -> None:
            self.send_response(document.status)
            headers = {"Content-Type": document.content_type, "Cache-Control": "max-age=60"}
            if document.status != 304:
                headers["Content-Length"] = str(len(document.body))
            if document.etag:
                headers["ETag"] = document.tag
            for name, value in {**headers, **document.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(document.body)

    return Handler
