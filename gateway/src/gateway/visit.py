"""One request on its way through the door: what it asks for, the body it brings, and the answer it gets."""

import time

from touchstone import AccessClaims

from gateway.answers import Lines, pairs
from gateway.bridge import Receive, Scope, Send
from gateway.errors import Refusal
from gateway.headers import Inbound
from gateway.routes import Route

MAX_BODY = 64 * 1024
NO_BODY = frozenset({204, 304})


class ClientGoneError(Exception):
    """The client has left; nobody waits for an answer."""


class Visit:
    """A request, as far as it has come. `turn` is its place on one of our own connections; None under another server."""

    __slots__ = ("claims", "client", "first", "headers", "method", "path", "query", "receive", "route", "scope", "send",
                 "started", "status", "turn", "whole")  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.turn = scope.get("gateway.turn")
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.headers = Inbound(scope["headers"])
        self.client: str = (scope.get("client") or ("",))[0]
        self.path = ""
        self.query: bytes | None = None
        self.route: Route | None = None
        self.claims: AccessClaims | None = None
        self.status = 0
        self.whole = True  # whether the request's body has been read
        self.first = b""  # of a body that is passed on as it comes

    async def body(self, *, whole: bool) -> tuple[bytes | None, int | None]:
        """Return the body and its length if it is at hand (or `whole` asks to wait for it), else None and its length.

        Raises Refusal (413) and ClientGoneError.
        """
        length = self.headers.content_length
        if length is not None and length > MAX_BODY:
            self.whole = False
            raise too_large()
        if not length and not self.headers.chunked:
            return b"", 0
        if not whole and length is None:
            self.whole = False
            return None, None
        parts, size, more = [], 0, True
        while more:
            data, more = await self.part()
            size += len(data)
            if size > MAX_BODY:
                self.whole = False
                raise too_large()
            parts.append(data)
            if more and not whole:
                self.whole, self.first = False, data
                return None, length
        return b"".join(parts), size

    async def part(self) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether more is to come. Raises ClientGoneError."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message.get("body", b""), message.get("more_body", False)

    async def finish(self, status: int, lines: Lines, body: bytes, *, close: bool = False) -> None:
        """Send a whole answer, in one piece where the server can."""
        head = lines.head
        if self.method == "HEAD" or status in NO_BODY:
            body = b""
        elif not lines.framed:
            head += b"content-length: %d\r\n" % len(body)
        if self.turn is not None:
            self.status = status
            named = head + b"x-request-id: %b\r\n" % self.headers.request_id.encode()
            if self.turn.respond(status, named, body, close=close or not self.whole):
                return
        await self.start(status, head, close=close)
        await self.send({"type": "http.response.body", "body": body})

    async def start(self, status: int, head: bytes, *, close: bool = False) -> None:
        """Send the head of an answer whose body comes piece by piece."""
        self.status = status
        headers = [*pairs(head), (b"x-request-id", self.headers.request_id.encode())]
        if close or not self.whole:
            headers.append((b"connection", b"close"))  # answered before the body was in: the rest is not read
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    def hang_up(self) -> None:
        """End a connection whose answer cannot be completed: the client must not take a part for the whole."""
        if self.turn is None:
            raise ConnectionAbortedError("the answer cannot be completed")
        self.turn.hang_up()


def too_large() -> Refusal:
    """Return the answer to a body past the bound."""
    return Refusal("content_too_large", f"A body has at most {MAX_BODY} bytes.")
