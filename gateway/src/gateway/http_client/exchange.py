"""One call to a service: the request as it is written, the answer as llhttp reads it, and how it ended."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import httptools

HIGH_WATER = 128 * 1024  # bytes of an answer that wait for a slow client before no more is read
MAX_HEAD = 64 * 1024  # bytes of an answer's headers
_FIRST_FINAL = 200
_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})


class UpstreamError(Exception):
    """No answer, or no whole one. `reason`: refused (never connected), timeout or broken; `began`: a byte came."""

    def __init__(self, reason: str, *, began: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.began = began


class Call(NamedTuple):
    """One request to a service. `body` has `length` bytes; None when `Transfer.feed` brings it."""

    method: str
    service: str  # its URL, without a path
    target: str
    headers: Sequence[bytes]  # lines without their ends, clean, and none of them Host or about framing
    seconds: float
    body: bytes | None = b""
    length: int = 0
    fresh: bool = False  # on a new connection: one that was kept may be dying

    def message(self, host: bytes) -> bytes:
        """Return the head of the request, and its body where that is at hand."""
        lines = [
            b"%b %b HTTP/1.1\r\nhost: %b" % (self.method.encode(), self.target.encode(), host),
            *self.headers,
        ]
        if self.length or self.method in _BODY_EXPECTED:
            lines.append(b"content-length: %d" % self.length)
        return b"\r\n".join((*lines, b"", self.body or b""))


class Carrier(Protocol):
    """The connection under a transfer."""

    async def write(self, data: bytes) -> None:
        """Send, no faster than the service reads."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def free(self, *, reusable: bool) -> None:
        """Take the next call, or end."""


class Transfer:
    """One call under way. `head` first, then `chunk` until it returns b""; `close` in any case."""

    __slots__ = ("_carrier", "_chunks", "_connected", "_error", "_headers", "_keep", "_loop", "_parser", "_paused",
                 "_size", "_status", "_unsent", "_waiter", "began", "call", "deadline", "done")  # fmt: skip

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.deadline = loop.time() + call.seconds
        self.began = False  # a byte of the answer has come
        self.done = False
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._carrier: Carrier | None = None
        self._connected: asyncio.Future[None] | None = None  # who waits to feed
        self._waiter: asyncio.Future[None] | None = None  # who waits for the answer
        self._error: UpstreamError | None = None
        self._status = 0  # of the final answer, once its head is complete
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: deque[bytes] = deque()
        self._size = 0  # of the head, then of the chunks
        self._paused = False
        self._unsent = call.length if call.body is None else 0  # bytes that `feed` has to bring
        self._keep = False

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the answer. Raises UpstreamError."""
        while not self._status:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self._status, self._headers

    async def chunk(self) -> bytes:
        """Return what has come of the body since the last call, b"" at its end. Raises UpstreamError."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.done:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self._carrier is not None:
            self._paused = False
            self._carrier.resume()
        return data

    @property
    def whole(self) -> bool:
        """Whether all of the answer has come: one more `chunk` has the rest."""
        return self.done and self._error is None

    @property
    def ended(self) -> bool:
        """Whether all of the answer has come and been taken."""
        return self.whole and not self._chunks

    async def feed(self, data: bytes) -> None:
        """Send more of the request's body; returns when more can be sent."""
        if self._carrier is None and not self.done:
            self._connected = self._loop.create_future()
            await self._connected
        if self.done or self._carrier is None:
            return
        self._unsent -= len(data)
        await self._carrier.write(data)

    def close(self) -> None:
        """Give the connection back; if the call is under way it is cut off, and its connection with it."""
        complete, self.done = self.done, True
        carrier, self._carrier = self._carrier, None
        self._parser = None  # which knows its transfer: a circle that only the garbage collector would find
        if carrier is not None:
            sound = complete and self._keep and not self._unsent and not self._paused
            carrier.free(reusable=sound and self._error is None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the connection tells.

    def sent(self, carrier: Carrier) -> None:
        """Note that the request is on its way."""
        self._carrier = carrier
        self._let_feed()

    def received(self, data: bytes) -> None:
        """Take what has come."""
        self.began = True
        if self.done:
            self._keep = False  # it says more than it was asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail("broken")
            self._keep = False
        if not self._status:
            self._size += len(data)
            if self._size > MAX_HEAD:
                self.fail("broken")

    def lost(self, *, clean: bool) -> None:
        """Take the end of the connection: where nothing else frames the body, it is that of the answer."""
        framing = {name.lower() for name, _ in self._headers} & {b"content-length", b"transfer-encoding"}
        if self._status and clean and not framing:
            self._finish(keep=False)
        else:
            self.fail("broken")

    def fail(self, reason: str) -> None:
        """End without a whole answer."""
        if not self.done:
            self._error = UpstreamError(reason, began=self.began)
            self._finish(keep=False)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Take the beginning of an answer: after the final one there is none."""
        if self.done:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers come here too, and are dropped."""
        if not self._status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the end of a head, which may be that of an interim one (1xx)."""
        if self.done:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL:
            self._headers = []
            return
        self._status, self._size = status, 0
        self._wake()
        if self.call.method == "HEAD":
            self._finish(keep=self._parser.should_keep_alive())

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.done:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= HIGH_WATER and not self._paused and self._carrier is not None:
            self._paused = True
            self._carrier.pause()
        self._wake()

    def on_message_complete(self) -> None:
        """Take the end of the answer."""
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
