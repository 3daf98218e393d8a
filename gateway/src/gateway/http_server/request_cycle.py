"""One request on a connection, and its answer: ASGI's two sides, and a shorter way for an answer that is at hand."""

import asyncio
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from gateway.bridge import Message, Scope
from gateway.headers import Headers
from gateway.response_headers import block

if TYPE_CHECKING:
    from gateway.http_server.http11 import Connection

_BARE = frozenset({204, 304})
_NO_LINGER = struct.pack("ii", 1, 0)


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 1000)}


class Turn:
    """One request and its answer: ASGI's `receive` and `send`, and `respond` for an answer that is at hand.

    `task` is the app's work on it. `on_lost` is called when the client leaves; `lost` tells that it has.
    """

    __slots__ = ("_bare", "_chunked", "_connection", "_expects", "_version", "_waiter", "body", "done", "keep_alive",
                 "lost", "more", "on_lost", "started", "task")  # fmt: skip

    def __init__(self, connection: "Connection", scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        self._connection = connection
        self._version = scope["http_version"]
        self._bare = scope["method"] == "HEAD"  # the answer has no body, whatever its head says
        self._expects = expects
        self.keep_alive = keep_alive
        self.body = b""
        self.more = True  # of the body is to come
        self.started = self.done = self.lost = False
        self.task: asyncio.Task[None] | None = None
        self.on_lost: Callable[[], object] | None = None
        self._chunked = False
        self._waiter: asyncio.Future[None] | None = None

    async def receive(self) -> Message:
        """Return the next piece of the body, or that there is nobody to answer any more."""
        connection = self._connection
        if self._expects and not self.started:
            self._expects = False
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while self.more and not self.body and not self.lost and not self.done:
            connection.resume_reading()
            self._waiter = connection.loop.create_future()
            await self._waiter
        if self.lost or self.done:
            return {"type": "http.disconnect"}
        data, self.body = self.body, b""
        return {"type": "http.request", "body": data, "more_body": self.more}

    def wake(self) -> None:
        """Let `receive` look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def respond(self, status: int, head: bytes, body: bytes, *, close: bool) -> bool:
        """Write a whole answer at once; `head` is header lines that frame `body`.

        Tells whether it did; it does not while the client is slow to read.
        """
        if self.lost or self._connection.writable is not None:
            return False
        self._connection.transport.write(self._head(status, head, close=close) + body)
        self._end()
        return True

    async def send(self, message: Message) -> None:
        """Write the head of an answer, or a piece of its body, no faster than the client reads."""
        connection = self._connection
        if connection.writable is not None and not self.lost:
            await connection.writable
        if self.lost:
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

    def hang_up(self) -> None:
        """Reset the connection: an answer that is not whole must not end like one that its connection ends."""
        transport = self._connection.transport
        connection = transport.get_extra_info("socket")
        if connection is not None:  # not closed by the client
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

    def _framed_head(self, status: int, headers: Headers) -> bytes:
        close = any(name == b"connection" for name, _ in headers)
        head = block((name, value) for name, value in headers if name != b"connection")
        self._bare = self._bare or status in _BARE
        if not self._bare and not any(name == b"content-length" for name, _ in headers):
            self._chunked = self._version == "1.1"
            if self._chunked:
                head += b"transfer-encoding: chunked\r\n"
            else:
                close = True  # the end of the connection is that of the body
        return self._head(status, head, close=close)

    def _head(self, status: int, head: bytes, *, close: bool) -> bytes:
        self.started = True
        if close:
            self.keep_alive = False
        ending = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        return STATUS_LINES[status] + self._connection.usual + head + ending

    def _end(self) -> None:
        self.done = True
        self._connection.next_turn(self)
