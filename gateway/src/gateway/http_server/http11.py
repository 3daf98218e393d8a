"""HTTP/1.1 towards the clients: connections, and the requests on each, answered in order by one ASGI app.

llhttp (through httptools) parses. Added to it are limits on the size of a head and on the time of a request, and a short
way to write a response that is complete.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
from service_kit.server.asgi import Message

from gateway.errors import PROBLEM_MEDIA_TYPE, Refusal
from gateway.headers import MAX_HEADER_BYTES, Headers, new_id
from gateway.response_headers import NO_BODY, encode
from gateway.target import MAX_TARGET

MAX_HEAD = 2 * MAX_HEADER_BYTES + MAX_TARGET  # bytes of a head that is not complete
MESSAGE_SECONDS = 15.0  # to receive a whole request, head and body
IDLE_SECONDS = 30.0  # between two requests, or while the client does not read
MAX_CONNECTIONS = 4096
MAX_UNREAD = 1024 * 1024  # bytes that are read and dropped after an early response, so that it arrives
HIGH_WATER = 64 * 1024  # bytes of a body that wait for the app; then reading pauses
_NO_LINGER = struct.pack("ii", 1, 0)


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 1000)}


class RequestResponseCycle:
    """One request and its response: ASGI's `receive` and `send`, and `respond` for a complete response.

    `task` runs the app. `on_disconnect` is called when the client disconnects; then `disconnected` is true.
    """

    __slots__ = ("_bare", "_chunked", "_connection", "_expects", "_version", "_waiter", "body", "disconnected", "done", "keep_alive",
                 "more", "on_disconnect", "started", "task")  # fmt: skip

    def __init__(
        self, connection: "ClientConnection", scope: Message, *, keep_alive: bool, expects: bool
    ) -> None:
        self._connection = connection
        self._version = scope["http_version"]
        self._bare = scope["method"] == "HEAD"  # the response has no body
        self._expects = expects
        self.keep_alive = keep_alive
        self.body = b""
        self.more = True  # of the body is expected
        self.started = self.done = self.disconnected = False
        self.task: asyncio.Task[None] | None = None
        self.on_disconnect: Callable[[], object] | None = None
        self._chunked = False
        self._waiter: asyncio.Future[None] | None = None

    async def receive(self) -> Message:
        """Return the next part of the body, or `http.disconnect`."""
        connection = self._connection
        if self._expects and not self.started:
            self._expects = False
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while self.more and not self.body and not self.disconnected and not self.done:
            connection.resume_reading()
            self._waiter = connection.loop.create_future()
            await self._waiter
        if self.disconnected or self.done:
            return {"type": "http.disconnect"}
        data, self.body = self.body, b""
        return {"type": "http.request", "body": data, "more_body": self.more}

    def wake(self) -> None:
        """Let `receive` check again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def respond(self, status: int, head: bytes, body: bytes, *, close: bool) -> bool:
        """Write a whole response at once and return True; `head` holds header lines that frame `body`.

        Return False, with nothing written, while the client reads slowly.
        """
        if self.disconnected or self._connection.writable is not None:
            return False
        self._connection.transport.write(self._head(status, head, close=close) + body)
        self._end()
        return True

    async def send(self, message: Message) -> None:
        """Write the head of a response, or a part of its body, no faster than the client reads."""
        connection = self._connection
        if connection.writable is not None and not self.disconnected:
            await connection.writable
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            connection.transport.write(self._framed_head(message["status"], message["headers"]))
            return
        data, more = message.get("body", b""), message.get("more_body", False)
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data += b"" if more else b"0\r\n\r\n"
        if data and not self._bare:
            connection.transport.write(data)
        if not more:
            self._end()

    def reset(self) -> None:
        """Reset the connection, so that an incomplete response is not taken for a complete one."""
        transport = self._connection.transport
        connection = transport.get_extra_info("socket")
        if connection is not None:  # not closed by the client
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

    def _framed_head(self, status: int, headers: Headers) -> bytes:
        close = any(name == b"connection" for name, _ in headers)
        head = encode((name, value) for name, value in headers if name != b"connection")
        self._bare = self._bare or status in NO_BODY
        if not self._bare and not any(name == b"content-length" for name, _ in headers):
            self._chunked = self._version == "1.1"
            if self._chunked:
                head += b"transfer-encoding: chunked\r\n"
            else:
                close = True  # the end of the connection ends the body
        return self._head(status, head, close=close)

    def _head(self, status: int, head: bytes, *, close: bool) -> bytes:
        self.started = True
        if close:
            self.keep_alive = False
        ending = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        return STATUS_LINES[status] + self._connection.usual + head + ending

    def _end(self) -> None:
        self.done = True
        self._connection.next_cycle(self)


class ClientConnection(asyncio.Protocol):
    """One client's connection, as uvicorn's server makes it (`http=`) and ends it (`shutdown`)."""

    usual: ClassVar = b""  # header lines of every response: the date, set once a second
    transport: asyncio.Transport

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],  # noqa: ARG002 - handed in by uvicorn
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.writable: asyncio.Future[None] | None = (
            None  # None: writable now; else done once the client has read on
        )
        self.lost = False
        self._app = config.loaded_app
        self._server = server_state
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # such data is not read
        self._client: tuple[str, int] = ("", 0)
        self._address: tuple[str, int] = ("", 0)
        self._cycle: RequestResponseCycle | None = None  # the one whose body is being received
        # Requests without a complete response; the first one is being answered.
        self._cycles: deque[tuple[RequestResponseCycle, Message]] = deque()
        self._coming = True  # a request is not complete
        self._in_head = True
        self._since = self.loop.time()  # the request began, the last one ended, or the client stopped reading
        self._size = 0  # bytes of the message
        self._unread = 0
        self._paused = False
        self._expects = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or abort it if there are too many."""
        self.transport = transport
        self._client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._address = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self._server.connections.add(self)
        if len(self._server.connections) > MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's form
        """End the work for this client."""
        self.lost = True
        self._server.connections.discard(self)
        self._lose()

    def pause_writing(self) -> None:
        """Make `send` wait: the client reads slowly."""
        if self.writable is None:
            self.writable = self.loop.create_future()
            if not self._coming:
                self._since = self.loop.time()

    def resume_writing(self) -> None:
        """Let `send` go on."""
        if self.writable is not None:
            self.writable.set_result(None)
            self.writable = None

    def data_received(self, data: bytes) -> None:
        """Parse bytes; refuse a head that is too long."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no upgrade is ever accepted
        except httptools.HttpParserError:
            self._refuse(Refusal("bad_request", "The request is not valid HTTP/1.1."))
        else:
            if self._in_head and self._size > MAX_HEAD:
                self._refuse(
                    Refusal(
                        "request_header_fields_too_large",
                        f"A request head may have at most {MAX_HEAD} bytes.",
                    )
                )

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Start the time limit of a request."""
        self._target, self._headers, self._expects = b"", [], False
        if not self._coming:
            self._coming, self._since = True, self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Add a part of the target, up to its limit."""
        if len(self._target) <= MAX_TARGET:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; drop trailer fields."""
        if not self._in_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        """Begin the response, or queue the request behind the one that is being answered."""
        self._in_head = False
        parser = self._parser
        version = parser.get_http_version()
        if parser.should_upgrade() and any(name == b"transfer-encoding" for name, _ in self._headers):
            # httptools reads no body behind an offered upgrade, and only a length would show that it is missing.
            self._refuse(Refusal("bad_request", "A chunked request must not offer an upgrade."))
            return
        scope: Message = {
            "type": "http",
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": "http",
            "client": self._client,
            "server": self._address,
            "headers": self._headers,
            "gateway.target": self._target,
        }
        keep_alive = version == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        self._cycle = cycle = RequestResponseCycle(self, scope, keep_alive=keep_alive, expects=self._expects)
        self._cycles.append((cycle, scope))
        if len(self._cycles) == 1:
            self._begin(cycle, scope)
        else:
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        """Add a part of the body; after an early response drop it, up to a limit."""
        cycle = self._cycle
        if cycle is None or cycle.done:
            self._unread += len(body)
            if self._unread > MAX_UNREAD:
                self.transport.close()
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER:
            self._pause_reading()
        cycle.wake()

    def on_message_complete(self) -> None:
        """Stop the time limit."""
        if self._cycle is not None:
            self._cycle.more = False
            self._cycle.wake()
        self._coming = False
        self._in_head = True
        self._size = self._unread = 0

    # Called by the server.

    def watch(self, now: float) -> None:
        """End the connection if a request takes too long to arrive, or its response to be read."""
        if self.transport.is_closing() or now - self._since <= MESSAGE_SECONDS:
            return
        if not self._coming:
            if now - self._since > IDLE_SECONDS and self.writable is not None:
                self.transport.abort()  # it does not read its response
            elif now - self._since > IDLE_SECONDS and not self._cycles:
                self.transport.close()
        elif self._size:
            self._refuse(Refusal("request_timeout", "The request was not received in time."))
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """Close after the response under way."""
        if self._cycles:
            self._cycles[-1][0].keep_alive = False
        else:
            self.transport.close()

    # Called by a cycle.

    def next_cycle(self, done: RequestResponseCycle) -> None:
        """Start the next request, unless the connection is to close."""
        self._cycles.popleft()
        done.task = None
        self._since = self.loop.time()
        if not done.keep_alive:
            self.transport.close()
        elif self._cycles:
            self._begin(*self._cycles[0])
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Resume reading, if it was paused."""
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _lose(self) -> None:
        self.resume_writing()
        for cycle, _ in self._cycles:
            cycle.disconnected = True
            cycle.wake()
            if cycle.on_disconnect is not None:
                cycle.on_disconnect()

    def _begin(self, cycle: RequestResponseCycle, scope: Message) -> None:
        scope["gateway.cycle"] = cycle
        cycle.task = task = self.loop.create_task(self._app(scope, cycle.receive, cycle.send))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _refuse(self, refusal: Refusal) -> None:
        """Respond without the app, unless a response has begun, and close."""
        if self.transport.is_closing():
            return
        coming = self._cycle
        if coming is not None and coming.more and coming.done:
            self.transport.close()  # this is the rest of a request that has been answered
            return
        if self._cycles:
            cycle, _ = self._cycles[-1]
            if cycle.started or not cycle.more or len(self._cycles) > 1:
                self.transport.abort()  # the response would be taken for that of another request
                return
            self._lose()
        request_id = new_id()
        body = refusal.problem(request_id)
        head = encode(
            [
                (b"content-type", PROBLEM_MEDIA_TYPE),
                (b"content-length", b"%d" % len(body)),
                (b"x-request-id", request_id.encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
            ]
        )
        self.transport.write(STATUS_LINES[refusal.kind.status] + self.usual + head + b"\r\n" + body)
        self.transport.close()
