"""A real HTTP server on a loopback port that plays the issuer, as well or as badly as a test wants."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from testkit.mint import Mint
from testkit.statuses import FULL_SIZE, LIST_TYPE, FakeStatusList, list_path

JWKS_PATH = "/.well-known/jwks.json"


@dataclass(slots=True)
class Document:
    """What is answered at one path; change its members and the next answer differs.

    The answer begins `delay` seconds late; with `pace` its body comes a byte at a time, one in so many seconds.
    """

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: float = 0.0
    etag: bool = True

    @property
    def tag(self) -> str:
        """The strong entity tag of the body."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def pieces(self) -> Iterator[bytes]:
        """Give the body as it is to be sent, at its pace."""
        if not self.pace:
            yield self.body
            return
        for byte in self.body:
            yield bytes((byte,))
            threading.Event().wait(self.pace)

    def unless(self, known: str) -> "Document":
        """Return the document, or a 304 when its tag is the one that the client knows (RFC 9110 section 13.1.2)."""
        if self.status != 200 or not self.etag or known != self.tag:
            return self
        return Document(b"", self.content_type, 304, {**self.headers, "ETag": known}, etag=False)


class FakeIssuer:
    """Serves documents with ETag and If-None-Match; counts requests by path, keeps the headers of each.

    With `long_poll`, a conditional request with `Prefer: wait=N` (RFC 7240) is held until the document changes
    through `publish`, or the wait ends. Its status lists are signed by `mint` (default: one of its own name, whose
    keys are published when no `jwks` is given but a `mint` is). Use it as a context manager, or call `close`.
    """

    def __init__(
        self, jwks: dict[str, Any] | None = None, *, long_poll: bool = False, mint: Mint | None = None
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.requests: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.long_poll = long_poll
        self._changed = threading.Condition()
        self._closing = False
        self.lists: dict[int, FakeStatusList] = {}
        if jwks is None:
            jwks = {"keys": []} if mint is None else mint.jwks()
        self.publish(JWKS_PATH, jwks)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.mint = mint or Mint(self.url)
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
        self,
        path: str,
        body: bytes | str | dict[str, Any],
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
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
            self.documents[path] = Document(raw, content_type, headers=dict(headers or {}))
            self._changed.notify_all()
            return self.documents[path]

    def open_list(self, number: int = 1, *, size: int = FULL_SIZE, ttl: int = 20) -> FakeStatusList:
        """Publish an empty status list and return it; `publish_list` makes what is set in it seen."""
        with self._changed:
            self.lists[number] = FakeStatusList(self.mint, number, size=size, ttl=ttl)
        self.publish_list(number)
        return self.lists[number]

    def publish_list(self, number: int = 1, header: dict[str, Any] | None = None, **overrides: Any) -> None:
        """Sign the list anew (see `FakeStatusList.token`), serve it, and wake whoever waits for it."""
        with self._changed:  # so that of two at once the later is the one that stays
            each = self.lists[number]
            cache = {"Cache-Control": f"public, max-age={each.ttl}"}
            self.publish(list_path(number), each.token(header, **overrides), LIST_TYPE, cache)

    def revoke(self, *indexes: int, number: int = 1, value: int = 1) -> None:
        """Set the statuses and publish the list, opened if it was not yet; `value=0` takes them back."""
        with self._changed:
            each = self.lists.get(number) or self.open_list(number)
            for index in indexes:
                each[index] = value
            self.publish_list(number)

    def spoil(self, path: str, **changes: Any) -> Document:
        """Answer with these members of the path's document changed, wake whoever waits, and return what it was."""
        with self._changed:
            before = self.documents[path]
            self.documents[path] = replace(before, **changes)
            self._changed.notify_all()
            return before

    def mend(self, path: str, document: Document) -> None:
        """Serve a document again that `spoil` returned."""
        with self._changed:
            self.documents[path] = document
            self._changed.notify_all()

    def wait_for_change(self, path: str, tag: str, seconds: float) -> None:
        """Block until the answer is no 304 to this tag, the time is over or the issuer closes."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self.documents[path].unless(tag).status != 304, seconds
            )

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
            for piece in document.pieces():
                self.wfile.write(piece)

    return Handler
