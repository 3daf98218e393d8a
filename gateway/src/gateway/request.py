"""One request on its way through the door: what it asks for, the body it brings, and the answer it gets."""

import time

from touchstone import AccessClaims

from gateway.bridge import Receive, Scope, Send
from gateway.headers import Inbound
from gateway.request_body import RequestBody
from gateway.response_headers import Lines, pairs
from gateway.routes import Route

NO_BODY = frozenset({204, 304})


class ClientGoneError(Exception):
    """The client has left; nobody waits for an answer."""


class Visit:
    """A request, as far as it has come. `turn` is its place on one of our own connections; None under another server."""

    __slots__ = ("body", "claims", "client", "headers", "method", "path", "query", "receive", "route", "scope", "send",
                 "started", "status", "turn")  # fmt: skip

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
        self.body: RequestBody | None = None  # once it has been read; None where there is none

    @property
    def data(self) -> bytes:
        """The body, where the route bounds it to what is kept in memory."""
        return b"" if self.body is None else self.body.data

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
            if self.turn.respond(status, named, body, close=close):
                return
        await self.start(status, head, close=close)
        await self.send({"type": "http.response.body", "body": body})

    async def start(self, status: int, head: bytes, *, close: bool = False) -> None:
        """Send the head of an answer whose body comes piece by piece."""
        self.status = status
        headers = [*pairs(head), (b"x-request-id", self.headers.request_id.encode())]
        if close:
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    def hang_up(self) -> None:
        """End a connection whose answer cannot be completed: the client must not take a part for the whole."""
        if self.turn is None:
            raise ConnectionAbortedError("the answer cannot be completed")
        self.turn.hang_up()
