"""One request: the parts received, the results of the steps, and the response."""

import time
from typing import Any

from service_kit.observability.metrics import METHODS
from service_kit.server.asgi import Message, Receive, Send
from touchstone import AccessClaims

from gateway.headers import Headers, RequestHeaders
from gateway.request_body import RequestBody
from gateway.response_headers import NO_BODY, HeaderLines, decode, encode, merged
from gateway.route import Route


class ClientGoneError(Exception):
    """The client has disconnected, so there is no response to send."""


class Request:
    """A request and its state; `cycle` is set by our own HTTP server and None under any other."""

    __slots__ = ("body", "claims", "client", "cors", "cycle", "headers", "limit_headers", "method", "path", "query",
                 "receive", "route", "scope", "send", "started", "status", "windows")  # fmt: skip

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.cycle = scope.get("gateway.cycle")
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.headers = RequestHeaders(scope["headers"])
        self.client: str = (scope.get("client") or ("",))[0]
        self.path = ""
        self.query: bytes | None = None
        self.route: Route | None = None
        self.claims: AccessClaims | None = None
        self.windows: list[tuple[Any, int, float]] = []  # of the rate limits
        self.limit_headers: Headers = ()
        self.cors: Headers = ()
        self.status = 0  # of the response, once it has begun
        self.body: RequestBody | None = None  # None until it has been read, or if there is none

    @property
    def method_label(self) -> str:
        """The method, or `other` if it is none of the usual ones: a label's values must be few."""
        return self.method if self.method in METHODS else "other"

    @property
    def data(self) -> bytes:
        """The body, on routes whose bodies are kept in memory."""
        return b"" if self.body is None else self.body.data

    async def finish(self, status: int, lines: HeaderLines, body: bytes, *, close: bool = False) -> None:
        """Send a whole response, in one write where the server can."""
        head = encode(merged(decode(lines.head), self.cors)) if self.cors else lines.head
        if self.method == "HEAD" or status in NO_BODY:
            body = b""
        elif not lines.has_length:
            head += b"content-length: %d\r\n" % len(body)
        if self.cycle is not None:
            self.status = status
            with_id = (
                head + encode(self.limit_headers) + b"x-request-id: %b\r\n" % self.headers.request_id.encode()
            )
            if self.cycle.respond(status, with_id, body, close=close):
                return
        await self.start(status, head, close=close)
        await self.send({"type": "http.response.body", "body": body})

    async def start(self, status: int, head: bytes, *, close: bool = False) -> None:
        """Send the head of a response whose body is streamed."""
        self.status = status
        headers = [
            *merged(decode(head), self.cors),
            *self.limit_headers,
            (b"x-request-id", self.headers.request_id.encode()),
        ]
        if close:
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    def reset(self) -> None:
        """Reset the connection of a response that cannot be completed, so that a part is not taken for the whole."""
        if self.cycle is None:
            raise ConnectionAbortedError("the response cannot be completed")
        self.cycle.reset()
