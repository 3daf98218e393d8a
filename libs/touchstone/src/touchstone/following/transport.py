"""HTTP transport: one deadline for a whole response, chosen CAs, and requests that another thread can abort."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property, partial
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader, RawIOBase
from math import inf
from socket import SHUT_RDWR, socket
from ssl import SSLContext
from threading import Event
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from touchstone import tls

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_DEFAULT_DEADLINE = 5.0  # seconds, for a request without any time-out


def plain_session(*, ca: tls.CA = None, proxy: str | None = None, **options: Any) -> requests.Session:
    """Return a session that uses no .netrc, keeps no cookies, and ignores the environment's proxies.

    With HTTP_PROXY, the environment could else decide which keys a process trusts; a token's issuer is seldom behind a
    proxy. All requests go through `proxy`, if given. `ca` and `options` are those of `Transport`.
    """
    session = requests.Session()
    session.trust_env = False
    if proxy is not None:
        session.proxies = {"http": proxy, "https": proxy}
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    transport = Transport(ca, **options)
    session.mount("http://", transport)
    session.mount("https://", transport)
    return session


def abort(session: requests.Session) -> None:
    """End the requests of a `plain_session` that other threads have under way, and all later ones. Takes no lock."""
    for adapter in session.adapters.values():
        if isinstance(adapter, Transport):
            adapter.abort()


class Transport(HTTPAdapter):
    """Reads each response, head and body, until a deadline; trusts the CAs of `tls.context(ca)`.

    `deadline` is in seconds from the end of the request; by default it is the request's read time-out, which else
    bounds only each single read. The CAs are loaded when first needed, and count for a proxy with TLS too. `options`
    are those of HTTPAdapter.
    """

    def __init__(self, ca: tls.CA = None, *, deadline: float | None = None, **options: Any) -> None:
        self._ca = ca
        self._aborted = Event()
        self._connections: WeakValueDictionary[int, _Connection] = WeakValueDictionary()
        # Shared by class attributes: a reference to the transport would make a cycle, and keep its sockets open.
        shared = {"aborted": self._aborted, "connections": self._connections, "deadline": deadline}

        def pool(kind: type[HTTPConnectionPool], connection: type[_Connection]) -> type[HTTPConnectionPool]:
            return type("Pool", (kind,), {"ConnectionCls": type("Connection", (connection,), shared)})

        plain, secure = pool(HTTPConnectionPool, _Connection), pool(HTTPSConnectionPool, _SecureConnection)
        self._pools = {"http": plain, "https": secure}
        super().__init__(**options)

    def abort(self) -> None:
        """End all requests under way, and those to come."""
        self._aborted.set()
        for reference in self._connections.valuerefs():  # a copy, whatever other threads do
            # Read once: the connection's own thread may close it meanwhile.
            connected = getattr(reference(), "sock", None)
            if connected is not None:
                with suppress(OSError):
                    connected.shutdown(SHUT_RDWR)

    @cached_property
    def _context(self) -> SSLContext:
        return tls.context(self._ca)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools for requests without a proxy."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools for requests through that proxy."""
        if proxy.startswith("https"):
            options["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the attributes of HTTPAdapter with our TLS context."""
        host, options = super().build_connection_pool_key_attributes(request, *args, **kwargs)
        return host, {**options, "ssl_context": self._context} if host["scheme"] == "https" else options

    def cert_verify(self, *_args: Any) -> None:
        """Do nothing: the context decides; HTTPAdapter would add the CAs of certifi."""


class _Connection(HTTPConnection):
    aborted: Event
    connections: WeakValueDictionary[int, _Connection]
    deadline: float | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections[id(self)] = self

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._check()  # before anything is sent; `getresponse` checks again, for an abort in between
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        self._check()
        deadline = time.monotonic() + (self.deadline or self.timeout or _DEFAULT_DEADLINE)
        self.response_class = partial(_Response, deadline=deadline)  # type: ignore[assignment]
        return super().getresponse()

    def _check(self) -> None:
        if self.aborted.is_set():
            raise ConnectionAbortedError


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Response(HTTPResponse):
    def __init__(self, connected: socket, *args: Any, deadline: float, **kwargs: Any) -> None:
        super().__init__(connected, *args, **kwargs)
        self.fp = BufferedReader(_DeadlineReader(self.fp.detach(), connected, deadline))


class _DeadlineReader(RawIOBase):
    """Reads from a socket until `deadline` (time.monotonic); a socket's own time-out starts again at each byte."""

    def __init__(self, raw: RawIOBase, connected: socket, deadline: float) -> None:
        self._raw = raw
        self._connected = connected
        self._timeout = connected.gettimeout() or inf
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response takes too long")
        self._connected.settimeout(min(left, self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
