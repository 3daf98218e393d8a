"""libcurl on the event loop: pooled connections to the services, and the handles that calls are made with."""

import asyncio
import select
from typing import Any

import pycurl

from gateway.transfer import Call, Transfer

CONNECT_MS = 1000
POOL = 128  # idle connections kept, and easy handles

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
        self._running = 0  # calls that have not ended; libcurl tells how many it sees

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
        self._running += 1
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
        if not transfer.done:
            transfer.done = True
            self._running -= 1
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
        _, running = self._multi.socket_action(fd, events)
        if self._kick:
            self._kick = False
            _, running = self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            if self._kick:
                self._loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        more = running < self._running
        while more:
            more, ended, failed = self._multi.info_read()
            for curl in ended:
                self._running -= 1
                curl.transfer.on_done(0)
            for curl, code, _ in failed:
                self._running -= 1
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
                # closed by the other side while idle; libcurl sees that when it looks
                self._epoll.unregister(fd)

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
