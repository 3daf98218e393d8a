"""Owns one HTTP question about a document, and that its answer is bounded in size and time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from socket import SHUT_RDWR, socket
from threading import Event, Timer
from typing import Any
from weakref import WeakValueDictionary

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from touchstone import tls

WAIT = 25  # seconds that the server may hold an unchanged document back (RFC 7240 section 4.3)
CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0  # beyond what we asked the server to wait
_OK, _NOT_MODIFIED = 200, 304
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:[,\s]|$)", re.IGNORECASE)
_APPLIED = re.compile(r"(?:^|[,\s])wait(?:=|[,;\s]|$)", re.IGNORECASE)


class BadAnswerError(ValueError):
    """The server's answer cannot be used; what it says is safe to show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; times in seconds."""

    body: bytes | None  # None: not modified
    etag: str | None
    max_age: float | None
    applied: bool  # the server says that it waited, or would have
    took: float

    @property
    def held(self) -> bool:
        """Whether the server must have waited, told or untold."""
        return self.took >= WAIT / 2


def plain_session(*, ca: tls.CA = None, proxy: str | None = None) -> requests.Session:
    """Return a session that follows nothing but the URL that it is given: no .netrc, no cookies kept.

    `ca` is as in `tls.context`. All goes through `proxy`, if one is given; the environment's are not looked at: who
    can set HTTP_PROXY for a process could else say which keys it trusts, and a token's issuer is seldom behind a proxy.
    """
    session = requests.Session()
    session.trust_env = False
    if proxy is not None:
        session.proxies = {"http": proxy, "https": proxy}
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = "touchstone"
    session.headers["Accept-Encoding"] = "identity"
    session.mount("http://", _Adapter(ca))
    session.mount("https://", _Adapter(ca))
    return session


def break_off(session: requests.Session) -> None:
    """End what other threads are asking through a `plain_session`, and let nothing more be asked. Takes no lock."""
    for adapter in session.adapters.values():
        if isinstance(adapter, _Adapter):
            adapter.break_off()


def ask(  # noqa: PLR0913 - what the follower knows, by keyword
    session: requests.Session,
    url: str,
    etag: str | None,
    *,
    wait: bool,
    max_bytes: int,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Ask for the document at `url` if it is not the one with `etag` any more, and let the server wait for that.

    Follows no redirect. The head of the answer comes within 5 s, or 25 s later where the server may wait, and so does
    the last but one piece of its body. Raises BadAnswerError for what is no answer, requests' errors for what never came.
    """
    wait = wait and etag is not None
    headers = {} if etag is None else {"If-None-Match": etag}
    if wait:
        headers["Prefer"] = f"wait={WAIT}"
    patience = READ_TIMEOUT + (WAIT if wait else 0)
    began = clock()
    with session.get(
        url, headers=headers, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT, patience)
    ) as response:
        if response.status_code == _NOT_MODIFIED and etag is not None:
            body = None
        elif response.status_code == _OK:
            body = _read(response, max_bytes, clock, began + patience)
        else:
            raise BadAnswerError(f"answered {response.status_code}")
        told = response.headers
    max_age = _MAX_AGE.search(told.get("Cache-Control", ""))
    return Answer(
        body,
        told.get("ETag"),
        None if max_age is None else float(max_age[1]),
        _APPLIED.search(told.get("Preference-Applied", "")) is not None,
        clock() - began,
    )


def _read(response: requests.Response, max_bytes: int, clock: Callable[[], float], deadline: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswerError("answered in an encoding that was not asked for")
    body = bytearray()
    while chunk := response.raw.read1(16_384):
        body += chunk
        if len(body) > max_bytes:
            raise BadAnswerError("answered too much")
        if clock() > deadline:
            raise BadAnswerError("answered too slowly")
    return bytes(body)


@contextmanager
def _no_longer_than(seconds: float | None, connection: socket) -> Iterator[None]:
    """Shut the connection down when the block takes longer: a socket's own time-out starts anew at each byte."""
    late = Event()

    def give_up() -> None:
        late.set()
        with suppress(OSError):
            connection.shutdown(SHUT_RDWR)

    watch = Timer(READ_TIMEOUT if seconds is None else seconds, give_up)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
    if late.is_set():
        raise TimeoutError("the head of the answer came too slowly")


class _Connection(HTTPConnection):
    ended: Event
    made: WeakValueDictionary[int, _Connection]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made[id(self)] = self

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._check()  # before anything is sent, and for what ended meanwhile after it
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        self._check()
        with _no_longer_than(self.timeout, self.sock):
            return super().getresponse()

    def _check(self) -> None:
        if self.ended.is_set():
            raise ConnectionAbortedError


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Adapter(tls.Adapter):
    """Opens connections on which the head of an answer as a whole is bounded by the read time-out.

    They can be broken off from another thread.
    """

    def __init__(self, ca: tls.CA) -> None:
        self._ended = Event()
        self._made: WeakValueDictionary[int, _Connection] = WeakValueDictionary()
        ours = {"ended": self._ended, "made": self._made}

        def pool(kind: type[HTTPConnectionPool], connection: type[_Connection]) -> type[HTTPConnectionPool]:
            return type("Pool", (kind,), {"ConnectionCls": type("Connection", (connection,), ours)})

        plain, secure = pool(HTTPConnectionPool, _Connection), pool(HTTPSConnectionPool, _SecureConnection)
        super().__init__(ca, {"http": plain, "https": secure})

    def break_off(self) -> None:
        """End all requests under way, and those to come."""
        self._ended.set()
        for reference in self._made.valuerefs():  # a copy, whatever other threads do
            # Read once: the connection's own thread may close it meanwhile.
            connected = getattr(reference(), "sock", None)
            if connected is not None:
                with suppress(OSError):
                    connected.shutdown(SHUT_RDWR)
