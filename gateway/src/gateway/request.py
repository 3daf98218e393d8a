"""One request: the parts received, the results of the steps, and the response."""

import asyncio
import contextlib
import time
from typing import Any, Protocol

import structlog
from service_kit.observability.metrics import METHODS
from service_kit.server.asgi import Message, Receive, Send
from touchstone import AccessClaims

from gateway.headers import Headers, request_headers
from gateway.request_body import RequestBody
from gateway.response_headers import NO_BODY, ResponseHeaders, merged
from gateway.routing.route import Route

_log = structlog.get_logger(__name__)
UNREAD_SECONDS = 30.0  # for a client to read on
LINGER_SECONDS = 1.0
_RESPONSE_HEADERS = ResponseHeaders()
MAX_UNREAD = 1024 * 1024  # bytes that are read and dropped behind an early response


class ClientGoneError(Exception):
    """The client has disconnected, so there is no response to send."""


class TruncatedResponseError(Exception):
    """The response has begun and cannot be completed: the server cuts it off, so that a part is not taken for the whole."""


class Spans(Protocol):
    """The timed steps of a request: gateway.observability.spans.RequestSpans."""

    trace_id: str | None

    def mark(self, step: bytes) -> None:
        """End a step."""

    def begin_call(self, service: str) -> None:
        """Begin the call of a service."""

    def end_call(self, service: str, outcome: str, status: int | None, headers: Headers) -> None:
        """End the call with the head of its response, or for the reason `outcome`."""

    def header(self) -> Headers:
        """Return the Server-Timing header if it is on."""

    def end(self) -> None:
        """End the request."""


class Request:
    """A request and its state; `spans` are None if Server-Timing and tracing are off."""

    __slots__ = ("added_headers", "authorization", "body", "by_cookie", "claims", "client", "cors", "headers", "is_last", "limit_headers", "method", "path", "query", "receive",
                 "request_id", "response_headers", "route", "scheme", "scope", "send", "spans", "started", "status", "traceparent", "unread_seconds", "upstream_seconds", "windows")  # fmt: skip

    def __init__(
        self,
        scope: Message,
        receive: Receive,
        send: Send,
        response_headers: ResponseHeaders = _RESPONSE_HEADERS,
        unread_seconds: float = UNREAD_SECONDS,
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.response_headers = response_headers  # adds the security headers
        self.unread_seconds = unread_seconds
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.headers = request_headers(scope["headers"])
        self.request_id = self.headers.request_id()
        self.traceparent = self.headers.traceparent
        self.client: str = (scope.get("client") or ("",))[0]  # the peer, until client_address.py has run
        self.scheme: str = scope.get("scheme", "http")  # optional in ASGI
        self.authorization = self.headers.authorization  # or what the session cookie stands for
        self.by_cookie = False
        self.added_headers: list[tuple[bytes, bytes]] = []  # to the response: cookies of the session
        self.path = ""
        self.query = b""
        self.route: Route | None = None
        self.claims: AccessClaims | None = None
        self.windows: list[tuple[Any, int, float]] = []  # of the rate limits
        self.limit_headers: Headers = ()
        self.cors: Headers = ()
        self.is_last = False  # on its connection
        self.status = 0  # of the response, once it has begun
        self.spans: Spans | None = None
        self.upstream_seconds: float | None = None  # to the head of the service's response
        self.body: RequestBody | None = None  # None until it has been read, or if there is none

    @property
    def method_label(self) -> str:
        """The method, or `other` if it is none of the usual ones: a label's values must be few."""
        return self.method if self.method in METHODS else "other"

    @property
    def data(self) -> bytes:
        """The body, on routes whose bodies are kept in memory."""
        return b"" if self.body is None else self.body.data

    def mark(self, step: bytes) -> None:
        """End a timed step."""
        if self.spans is not None:
            self.spans.mark(step)

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a response."""
        self.status = status
        all_headers = [*(merged(headers, self.cors) if self.cors else headers), *self._added()]
        if self.by_cookie and not any(name == b"cache-control" for name, _ in all_headers):
            all_headers.append((b"cache-control", b"no-store"))  # as for Authorization (RFC 9111 section 3.5)
        await self.send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def finish(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole response."""
        if self.method == "HEAD" or status in NO_BODY:
            body = b""
        elif self.headers.has_body and self.body is None and not self.headers.expects:
            # A connection that is closed while the client still sends is reset, and the response lost.
            await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
            await self.send({"type": "http.response.body", "body": body, "more_body": True})
            await self._drop_body()
            await self.send({"type": "http.response.body", "body": b""})
            return
        await self.start(status, headers)
        await self.send({"type": "http.response.body", "body": body})

    async def write(self, part: bytes, *, more: bool = True) -> None:
        """Send a part of the body; return when there is room for more. Raise TruncatedResponseError if it takes too long."""
        try:
            async with asyncio.timeout(self.unread_seconds):
                await self.send({"type": "http.response.body", "body": part, "more_body": more})
        except TimeoutError as error:
            _log.warning("the client does not read its response", request_id=self.request_id)
            raise TruncatedResponseError from error

    async def _drop_body(self) -> None:
        unread, more = MAX_UNREAD, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while more and unread > 0:
                    message = await self.receive()
                    unread -= len(message.get("body", b""))
                    more = message.get("more_body", False)

    async def disconnected(self) -> None:
        """Return once the client has disconnected; call this after the body was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def _added(self) -> Headers:
        """Return the headers that every response gets."""
        added = [*self.limit_headers, *self.added_headers, (b"x-request-id", self.request_id.encode())]
        if self.is_last and self.scope["http_version"] != "2":
            added.append((b"connection", b"close"))
        return added if self.spans is None else [*added, *self.spans.header()]
