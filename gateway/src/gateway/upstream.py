"""Calls to the services: libcurl on the event loop; pooled, streaming both ways, bounded in time."""

import asyncio
import select
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pycurl

HIGH_WATER = 128 * 1024  # bytes of an answer that wait for a slow client before libcurl stops reading
CONNECT_MS = 1000
MAX_SENDS = 2  # of one request: the first time, and the one retry
POOL = 128  # idle connections kept, and easy handles
_FIRST_FINAL = 200
_REFUSED = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST})
_TIMED_OUT = pycurl.E_OPERATION_TIMEDOUT


_EPOLL = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}
_CURL = {
    0: 0,
    select.EPOLLIN: pycurl.CSELECT_IN,
    select.EPOLLOUT: pycurl.CSELECT_OUT,
    select.EPOLLIN | select.EPOLLOUT: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class UpstreamError(Exception):
    """No answer, or no whole one. `reason`: refused (never connected), timeout or broken; `began`: a byte came."""

    def __init__(self, reason: str, *, began: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.began = began


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; names are lower-case."""

    status: int
    headers: list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a service. `body`: all of it, or None when `Transfer.feed` brings it (of `length`, if known)."""

    method: str
    url: str
    headers: Sequence[bytes]
    seconds: float
    body: bytes | None = b""
    length: int | None = None
    fresh: bool = False  # on a connection of its own: libcurl repeats what dies on an old one


class Transfer:
    """One call under way. `head` first, then `chunk` until it returns b""; `close` in any case."""

    def __init__(self, client: "Client", curl: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self.curl = curl
        self._loop = loop
        self.began = False
        self.sent = 0
        self.done = False
        self._error: UpstreamError | None = None
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: Head | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._upload = bytearray()
        self._upload_ended = True
        self._upload_paused = False
        self._uploaded: asyncio.Future[None] | None = None

    async def head(self) -> Head:
        """Return the head of the answer. Raises UpstreamError."""
        while self._head is None:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self._head

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

    def on_header(self, line: bytes) -> None:
        """Take one line of the head; trailers come here too, and are dropped."""
        self.began = True
        if self._head is not None:
            return
        if line.startswith(b"HTTP/"):
            self._status, self._headers = int(line[9:12]), []
        elif line in (b"\r\n", b"\n"):
            if self._status >= _FIRST_FINAL:
                self._head = Head(self._status, self._headers)
                self._wake()
        else:
            name, _, value = line.partition(b":")
            self._headers.append((name.lower(), value.strip()))

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
            self._error = UpstreamError(reason, began=self.began)
        elif self._head is None:
            self._error = UpstreamError("broken", began=self.began)
        self._wake()
        self._taken()

    def _taken(self) -> None:
        uploaded = self._uploaded
        if uploaded is not None and not uploaded.done():
            uploaded.set_result(None)

    def upload(self) -> None:
        """Expect the body through `feed`."""
        self._upload_ended = False


class Client:
    """libcurl's multi handle driven by the running event loop; belongs to that loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, POOL)
        # An epoll of our own, watched by the loop as one file: libcurl closes idle sockets without a word, and the
        # kernel then forgets them here, where a loop would go on watching a number that is now somebody else's.
        self._epoll = select.epoll()
        self._wanted: dict[int, int] = {}
        self._loop.add_reader(self._epoll.fileno(), self._on_ready)
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._kick = False
        self._idle: list[Any] = []

    def start(self, call: Call) -> Transfer:
        """Start the call; the transfer must be closed."""
        curl = self._idle.pop() if self._idle else _handle()
        transfer = Transfer(self, curl, self._loop)
        curl.transfer = transfer
        curl.setopt(pycurl.URL, call.url)
        curl.setopt(pycurl.HTTPHEADER, call.headers)
        curl.setopt(pycurl.HEADERFUNCTION, transfer.on_header)
        curl.setopt(pycurl.WRITEFUNCTION, transfer.on_body)
        curl.setopt(pycurl.PREREQFUNCTION, transfer.on_send)
        curl.setopt(pycurl.TIMEOUT_MS, int(call.seconds * 1000))
        curl.plain = call.method == "GET" and call.body == b"" and not call.fresh
        if not curl.plain:
            _prepare(curl, transfer, call)
        self._multi.add_handle(curl)
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        return transfer

    def resume(self, transfer: Transfer) -> None:
        """Let a paused transfer go on."""
        if not transfer.done:
            transfer.curl.pause(pycurl.PAUSE_CONT)
            self._act(pycurl.SOCKET_TIMEOUT, 0)

    def release(self, transfer: Transfer) -> None:
        """Take the handle back."""
        curl = transfer.curl
        if curl is None:
            return
        transfer.curl = None
        transfer.done = True
        self._multi.remove_handle(curl)
        curl.transfer = None
        if len(self._idle) < POOL:
            if not curl.plain:
                curl.reset()
                _options(curl)
            self._idle.append(curl)
        else:
            curl.close()

    def close(self) -> None:
        """Close all connections."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        self._multi.close()
        self._epoll.close()

    def _act(self, fd: int, events: int) -> None:
        """Let libcurl do what there is to do, then hand out what has ended."""
        self._multi.socket_action(fd, events)
        if self._kick:
            self._kick = False
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            if self._kick:
                self._loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        more = 1
        while more:
            more, ended, failed = self._multi.info_read()
            for curl in ended:
                curl.transfer.on_done(0)
            for curl, code, _ in failed:
                curl.transfer.on_done(code)

    def _on_socket(self, event: int, fd: int, _multi: object, _data: object) -> None:
        """Note what libcurl waits for. An idle connection stays watched until it is used again or speaks up."""
        if event == pycurl.POLL_REMOVE:
            self._wanted.pop(fd, None)
            return
        self._wanted[fd] = mask = _EPOLL[event]
        try:
            self._epoll.modify(fd, mask)
        except FileNotFoundError:
            self._epoll.register(fd, mask)

    def _on_ready(self) -> None:
        for fd, events in self._epoll.poll(0):
            if fd in self._wanted:
                self._act(fd, _CURL[events & (select.EPOLLIN | select.EPOLLOUT)] or pycurl.CSELECT_ERR)
            else:
                self._epoll.unregister(
                    fd
                )  # closed by the other side while idle; libcurl sees that when it looks

    def _on_timer(self, milliseconds: int) -> None:
        """Keep one timer of ours for libcurl's; one that rings early is set anew, which is rare and cheap."""
        if milliseconds == 0:
            self._kick = True
        if milliseconds <= 0:
            self._deadline = None
            return
        self._deadline = self._loop.time() + milliseconds / 1000
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() + 0.0005 < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        else:
            self._deadline = None
            self._act(pycurl.SOCKET_TIMEOUT, 0)


def _handle() -> Any:
    curl = pycurl.Curl()
    _options(curl)
    return curl


def _options(curl: Any) -> None:
    """Follow nothing, believe nothing of the environment, keep nothing but the connection."""
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.USERAGENT, "")
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, CONNECT_MS)
    curl.setopt(pycurl.EXPECT_100_TIMEOUT_MS, 0)
    curl.setopt(pycurl.TCP_NODELAY, 1)
    curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 2)  # replicas come and go
    curl.setopt(pycurl.MAXAGE_CONN, 15)
    curl.setopt(pycurl.MAXLIFETIME_CONN, 60)


def _prepare(curl: Any, transfer: Transfer, call: Call) -> None:
    """Set what a plain GET does not need; the handle is reset afterwards."""
    curl.setopt(pycurl.FRESH_CONNECT, int(call.fresh))
    headers = [*call.headers, b"expect:"]
    if not any(line.startswith(b"content-type:") for line in call.headers):
        headers.append(b"content-type:")
    curl.setopt(pycurl.HTTPHEADER, headers)
    if call.method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
    elif call.body is None:
        transfer.upload()
        curl.setopt(pycurl.UPLOAD, 1)
        curl.setopt(pycurl.READFUNCTION, transfer.on_read)
        if call.length is None:
            curl.setopt(pycurl.HTTPHEADER, [*headers, b"transfer-encoding: chunked"])
        else:
            curl.setopt(pycurl.INFILESIZE_LARGE, call.length)
    elif call.body or call.method in ("POST", "PUT", "PATCH"):
        curl.setopt(pycurl.POSTFIELDS, call.body)
    if call.method != "HEAD":
        curl.setopt(pycurl.CUSTOMREQUEST, call.method)
