"""One exchange with a service: the request that is written, and the response that llhttp reads."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import httptools

from gateway.http_client.address import Address

HIGH_WATER = 128 * 1024  # bytes of a response that wait for a slow client; then reading pauses
# Bytes of a response's head, interim responses included, and of trailers or chunk extensions.
MAX_HEAD = 64 * 1024
SLOW_SECONDS = 0.05
_FIRST_FINAL = 200
_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})


class UpstreamError(Exception):
    """The response is missing or incomplete; `began`: a byte of it came.

    `reason`: refused (no connection), timeout, broken, or abandoned (the client disconnected).
    """

    def __init__(self, reason: str, *, began: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.began = began


class UpstreamRequest(NamedTuple):
    """A request to a service. `body` has `length` bytes, or is None and sent by `Exchange.feed`.

    The response must be complete within `seconds`; if `idle_seconds` is not None, its head must come within `seconds`, and
    the body may then pause for `idle_seconds`.
    """

    method: str
    service: str  # its URL, without a path
    target: str
    headers: Sequence[bytes]  # clean lines without line ends; none of them Host or about framing
    seconds: float
    idle_seconds: float | None = None
    body: bytes | None = b""
    length: int = 0
    new_connection: bool = False  # an idle one may be about to close

    def message(self, host: bytes) -> bytes:
        """Return the request as bytes, without the body if that is None."""
        lines = [
            b"%b %b HTTP/1.1\r\nhost: %b" % (self.method.encode(), self.target.encode(), host),
            *self.headers,
        ]
        if self.length or self.method in _BODY_EXPECTED:
            lines.append(b"content-length: %d" % self.length)
        return b"\r\n".join((*lines, b"", self.body or b""))


class ConnectionControl(Protocol):
    """What an exchange does with its connection."""

    async def write(self, data: bytes) -> None:
        """Send, no faster than the service reads."""

    def pause(self) -> None:
        """Pause reading."""

    def resume(self) -> None:
        """Resume reading."""

    def release(self, *, reusable: bool) -> None:
        """Return the connection to the pool, or close it."""


class Exchange:
    """A request under way. Call `head`, then `chunk` until it returns b"", and `close` in any case.

    `address` is where it was sent, None before that and after `close`. `on_slow` is called once if the exchange is under
    way after SLOW_SECONDS.
    """

    __slots__ = (
        "_chunks",
        "_connected",
        "_connection",
        "_error",
        "_headers",
        "_keep",
        "_loop",
        "_overhead",
        "_parser",
        "_paused",
        "_size",
        "_status",
        "_unsent",
        "_waiter",
        "address",
        "began",
        "deadline",
        "done",
        "on_slow",
        "request",
        "slow_at",
    )  # fmt: skip

    def __init__(self, request: UpstreamRequest, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        now = loop.time()
        self.deadline = now + request.seconds
        self.began = False  # a byte of the response has come
        self.done = False
        self.on_slow: Callable[[], None] | None = None
        self.slow_at = now + SLOW_SECONDS
        self.address: Address | None = None
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._connection: ConnectionControl | None = None
        self._connected: asyncio.Future[None] | None = None  # waited for by `feed`
        self._waiter: asyncio.Future[None] | None = None  # waited for by `head` and `chunk`
        self._error: str | None = None  # the reason
        self._status = 0  # of the final response, once its head is complete
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: deque[bytes] = deque()
        self._overhead = 0  # bytes since the last part of a body
        self._size = 0  # of the chunks
        self._paused = False
        self._unsent = request.length if request.body is None else 0  # bytes that `feed` still has to send
        self._keep = False

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the response. Raise UpstreamError."""
        while not self._status:
            if self._error is not None:
                raise UpstreamError(
                    self._error, began=self.began
                )  # a kept one would keep the frames it passed
            await self._wait()
        return self._status, self._headers

    async def chunk(self) -> bytes:
        """Return what has come of the body since the last call, b"" at its end. Raise UpstreamError."""
        while not self._chunks:
            if self._error is not None:
                raise UpstreamError(
                    self._error, began=self.began
                )  # a kept one would keep the frames it passed
            if self.done:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self._connection is not None:
            self._paused = False
            self._connection.resume()
            self._extend()
        return data

    @property
    def complete(self) -> bool:
        """Return whether the whole response has come, so that one `chunk` returns the rest."""
        return self.done and self._error is None

    @property
    def ended(self) -> bool:
        """Return whether the whole response has come and been returned."""
        return self.complete and not self._chunks

    async def feed(self, data: bytes) -> None:
        """Send more of the request's body; return when more can be sent."""
        if self._connection is None and not self.done:
            self._connected = self._loop.create_future()
            await self._connected
        if self.done or self._connection is None:
            return
        self._unsent -= len(data)
        await self._connection.write(data)

    def close(self) -> None:
        """Release the connection; close it if the exchange is under way."""
        finished, self.done = self.done, True
        connection, self._connection = self._connection, None
        self._chunks.clear()
        self._parser = self.on_slow = None  # break the reference cycles
        if connection is not None:
            sound = finished and self._keep and not self._unsent and not self._paused
            connection.release(reusable=sound and self._error is None)
        if self.address is not None and self.address.broken and not finished and not self._status:
            self.address.failed()  # the client left before this probe had a result
        self.send_to(None)

    def send_to(self, address: Address | None) -> None:
        """Note where the request goes, None if nowhere any more."""
        before, self.address = self.address, address
        if before is not None:
            before.calls -= 1
        if address is not None:
            address.calls += 1

    def _extend(self) -> None:
        """Set the deadline of the next part, if parts have one."""
        if self.request.idle_seconds is not None:
            self.deadline = self._loop.time() + self.request.idle_seconds

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # Called by the connection.

    def sent(self, connection: ConnectionControl) -> None:
        """Note that the request was written to this connection."""
        self._connection = connection
        self._let_feed()

    def received(self, data: bytes) -> None:
        """Parse bytes of the response."""
        self.began = True
        if self.done:
            self._keep = False  # bytes beyond the response
            return
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail("broken")
            self._keep = False
        if self._overhead > MAX_HEAD:
            self.fail("broken")

    def lost(self, *, clean: bool) -> None:
        """Handle the end of the connection, which ends the body if nothing else frames it."""
        framing = {name.lower() for name, _ in self._headers} & {b"content-length", b"transfer-encoding"}
        if self._status and clean and not framing:
            self._finish(keep=False)
        else:
            self.fail("broken")

    def fail(self, reason: str) -> None:
        """End without a complete response."""
        if not self.done:
            self._error = reason
            self._finish(keep=False)

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Do not reuse the connection if a second response begins."""
        if self.done:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; drop trailer fields."""
        if not self._status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """End the head, which may be that of an interim response (1xx)."""
        if self.done:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL:
            self._headers = []
            return
        self._status = status
        self._extend()
        self._wake()
        if self.request.method == "HEAD":
            self._finish(keep=self._parser.should_keep_alive())

    def on_body(self, data: bytes) -> None:
        """Add a part of the body; pause reading when too much is waiting."""
        if self.done:
            return
        self._chunks.append(data)
        self._overhead = 0
        self._size += len(data)
        self._extend()
        if self._size >= HIGH_WATER and not self._paused and self._connection is not None:
            self._paused = True
            self._connection.pause()
        self._wake()

    def on_message_complete(self) -> None:
        """End the response."""
        if self._status:
            self._finish(keep=self._parser.should_keep_alive())

    def _finish(self, *, keep: bool) -> None:
        if not self.done:
            self.done, self._keep = True, keep
            self._wake()
            self._let_feed()

    def _let_feed(self) -> None:
        if self._connected is not None and not self._connected.done():
            self._connected.set_result(None)
