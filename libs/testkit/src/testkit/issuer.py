"""A real HTTP server that publishes an issuer's documents, as well or as badly as a test needs."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from testkit.status_list import FULL_SIZE, LIST_TYPE, FakeStatusList, list_path
from testkit.token_signer import TokenSigner
from testkit.upstream import HttpServer, Received, Response

JWKS_PATH = "/.well-known/jwks.json"


@dataclass(slots=True)
class Document:
    """The answer at one path; a change of its members changes the next answer.

    The answer begins `delay` seconds late; with `pace` its body is sent a byte at a time, one in `pace` seconds.
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
        """Yield the body, at its pace."""
        if not self.pace:
            yield self.body
            return
        for byte in self.body:
            yield bytes((byte,))
            threading.Event().wait(self.pace)

    def unless(self, known: str) -> "Document":
        """Return the document, or a 304 if `known` is its tag (RFC 9110 section 13.1.2)."""
        if self.status != 200 or not self.etag or known != self.tag:
            return self
        return Document(b"", self.content_type, 304, {**self.headers, "ETag": known}, etag=False)

    def response(self) -> Response:
        """Return the whole answer."""
        headers = {"Content-Type": self.content_type, "Cache-Control": "max-age=60"}
        if self.status != 304:
            headers["Content-Length"] = str(len(self.body))
        if self.etag:
            headers["ETag"] = self.tag
        return self.status, {**headers, **self.headers}, self.pieces()


class FakeIssuer(HttpServer):
    """Serves documents with ETag and If-None-Match; counts requests by path, keeps the headers of each in `seen`.

    With `long_poll`, a conditional request with `Prefer: wait=N` (RFC 7240) is held until the document changes
    through `publish`, or the wait ends. `signer` signs its status lists (default: one in the issuer's own name) and
    gives the published keys unless there are `jwks`.
    """

    def __init__(
        self,
        jwks: dict[str, Any] | None = None,
        *,
        long_poll: bool = False,
        signer: TokenSigner | None = None,
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.requests: Counter[str] = Counter()
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.lists: dict[int, FakeStatusList] = {}
        self.long_poll = long_poll
        self._changed = threading.Condition()
        self._closing = False
        if jwks is None:
            jwks = {"keys": []} if signer is None else signer.jwks()
        self.publish(JWKS_PATH, jwks)
        super().__init__()
        self.signer = signer or TokenSigner(self.url)

    @property
    def jwks(self) -> Document:
        """The JWKS document."""
        return self.documents[JWKS_PATH]

    def publish(
        self,
        path: str,
        body: bytes | str | dict[str, Any],
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Document:
        """Serve this at the path from now on, and end the waits for a change."""
        text = json.dumps(body) if isinstance(body, dict) else body
        raw = text.encode() if isinstance(text, str) else text
        with self._changed:
            self.documents[path] = Document(raw, content_type, headers=dict(headers or {}))
            self._changed.notify_all()
            return self.documents[path]

    def open_list(self, number: int = 1, *, size: int = FULL_SIZE, ttl: int = 20) -> FakeStatusList:
        """Publish an empty status list and return it; after changes to it call `publish_list`."""
        with self._changed:
            self.lists[number] = FakeStatusList(self.signer, number, size=size, ttl=ttl)
        self.publish_list(number)
        return self.lists[number]

    def publish_list(self, number: int = 1, header: dict[str, Any] | None = None, **overrides: Any) -> None:
        """Sign the list again (see `FakeStatusList.token`), serve it, and end the waits for it."""
        with self._changed:  # so that of two at once the later is the one that stays
            each = self.lists[number]
            cache = {"Cache-Control": f"public, max-age={each.ttl}"}
            self.publish(list_path(number), each.token(header, **overrides), LIST_TYPE, cache)

    def revoke(self, *indexes: int, number: int = 1, value: int = 1) -> None:
        """Set the statuses and publish the list, opened if it was not yet; `value=0` resets them."""
        with self._changed:
            each = self.lists.get(number) or self.open_list(number)
            for index in indexes:
                each[index] = value
            self.publish_list(number)

    def change(self, path: str, **changes: Any) -> Document:
        """Answer with these members of the path's document changed, end the waits, and return the document before."""
        with self._changed:
            before = self.documents[path]
            self.restore(path, replace(before, **changes))
            return before

    def restore(self, path: str, document: Document) -> None:
        """Serve a document again that `change` returned."""
        with self._changed:
            self.documents[path] = document
            self._changed.notify_all()

    def respond(self, request: Received) -> Response:
        """Return the document of the path, 304 or 404."""
        path = request.path
        self.requests[path] += 1
        self.seen.append((path, request.headers))
        if path not in self.documents:
            return Document(b"not here", "text/plain", 404, etag=False).response()
        known = request.headers.get("If-None-Match", "")
        wait = request.headers.get("Prefer", "").removeprefix("wait=")
        if self.long_poll and known and wait.isdigit():
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing or self.documents[path].unless(known).status != 304, float(wait)
                )
        document = self.documents[path]
        threading.Event().wait(document.delay)
        return document.unless(known).response()

    def close(self) -> None:
        """Stop serving, and end all waits."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        super().close()
