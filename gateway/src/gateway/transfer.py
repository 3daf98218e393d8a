"""One call to a service: its head, its body piece by piece both ways, and how it ended. What libcurl calls is here."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import pycurl

HIGH_WATER = 128 * 1024  # bytes of an answer that wait for a slow client before libcurl stops reading
MAX_SENDS = 2  # of one request: the first time, and the one retry
_FIRST_FINAL = 200
_EMPTY = (b"\r\n", b"\n")
_REFUSED = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST})
_TIMED_OUT = pycurl.E_OPERATION_TIMEDOUT


class UpstreamError(Exception):
    """No answer, or no whole one. `reason`: refused (never connected), timeout or broken; `began`: a byte came."""

    def __init__(self, reason: str, *, began: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.began = began


class Call(NamedTuple):
    """One request to a service. `body`: all of it, or None when `Transfer.feed` brings it (of `length`, if known)."""

    method: str
    url: str
    headers: Sequence[bytes]
    seconds: float
    body: bytes | None = b""
    length: int | None = None
    fresh: bool = False  # on a connection of its own: libcurl repeats what dies on an old one


class Carrier(Protocol):
    """What a transfer needs of the client that carries it."""

    def resume(self, transfer: "Transfer") -> None:
        """Let a paused transfer go on."""

    def release(self, transfer: "Transfer") -> None:
        """Take the handle back."""


class Transfer:
    """One call under way. `head` first, then `chunk` until it returns b""; `close` in any case.

    `on_header` takes each line of the answer's heads and trailers, as a plain list does, without a Python call.
    """

    __slots__ = ("_chunks", "_client", "_error", "_lines", "_loop", "_paused", "_size", "_upload",
                 "_upload_ended", "_upload_paused", "_uploaded", "_waiter", "curl", "done", "on_header", "sent")  # fmt: skip

    def __init__(self, client: Carrier, curl: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self.curl = curl
        self._loop = loop
        self.sent = 0
        self.done = False
        self._error: UpstreamError | None = None
        self._lines: list[bytes] = []
        self.on_header = self._lines.append
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._upload = bytearray()
        self._upload_ended = True
        self._upload_paused = False
        self._uploaded: asyncio.Future[None] | None = None

    async def head(self) -> tuple[int, list[bytes]]:
        """Return status and header lines of the answer, when its body has begun or ended. Raises UpstreamError."""
        while not self._chunks and not self.done:
            await self._wait()
        head = _final(self._lines)
        if head is None or (self._error is not None and not self._chunks):
            raise self._error or UpstreamError("broken", began=bool(self._lines))
        return head

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
        if self._paused:
            self._paused = False
            self._client.resume(self)
        return data

    @property
    def whole(self) -> bool:
        """Whether all of the answer has come: one more `chunk` has the rest."""
        return self.done and self._error is None

    @property
    def ended(self) -> bool:
        """Whether all of the answer has come and been taken."""
        return self.whole and not self._chunks

    async def feed(self, data: bytes, *, last: bool) -> None:
        """Send more of the request's body; returns when libcurl has taken it."""
        if self.done:
            return
        self._upload += data
        self._upload_ended = last
        if self._upload_paused:
            self._upload_paused = False
            self._client.resume(self)
        while self._upload and not self.done:
            self._uploaded = self._loop.create_future()
            await self._uploaded

    def close(self) -> None:
        """Give the handle back; a transfer under way is cut off, and its connection with it."""
        self._client.release(self)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What libcurl calls.

    def on_send(self, *_addresses: object) -> int:
        """Count how often the request goes out: libcurl repeats, unasked, what dies on an old connection."""
        self.sent += 1
        return int(pycurl.PREREQFUNC_OK if self.sent <= MAX_SENDS else pycurl.PREREQFUNC_ABORT)

    def on_body(self, data: bytes) -> int | None:
        """Take a piece of the body, or ask for a pause."""
        if self._size >= HIGH_WATER:
            self._paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self._chunks.append(data)
        self._size += len(data)
        self._wake()
        return None

    def on_read(self, size: int) -> bytes | int:
        """Hand out a piece of the request's body, or ask for a pause."""
        if not self._upload:
            if self._upload_ended:
                return b""
            self._upload_paused = True
            return int(pycurl.READFUNC_PAUSE)
        data = bytes(self._upload[:size])
        del self._upload[:size]
        if not self._upload:
            self._taken()
        return data

    def on_done(self, code: int) -> None:
        """Take the end: 0, or libcurl's error code."""
        self.done = True
        if code:
            connected = self.curl.getinfo(pycurl.CONNECT_TIME) > 0
            refused = code in _REFUSED or (code == _TIMED_OUT and not connected)
            reason = "refused" if refused else "timeout" if code == _TIMED_OUT else "broken"
            self._error = UpstreamError(reason, began=bool(self._lines))
        self._wake()
        self._taken()

    def _taken(self) -> None:
        uploaded = self._uploaded
        if uploaded is not None and not uploaded.done():
            uploaded.set_result(None)

    def upload(self) -> None:
        """Expect the body through `feed`."""
        self._upload_ended = False


def _final(lines: list[bytes]) -> tuple[int, list[bytes]] | None:
    """Return status and header lines of the last head among the lines, without interim ones (1xx) and trailers."""
    start = 0
    for number, line in enumerate(lines):
        if line in _EMPTY:
            status = int(lines[start][9:12])
            if status >= _FIRST_FINAL:
                return status, lines[start + 1 : number]
            start = number + 1
    return None
