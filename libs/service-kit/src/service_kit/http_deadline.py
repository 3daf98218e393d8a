"""Connections with one deadline for the whole answer: a read time-out alone lets a server trickle for ever."""

import socket
import ssl
import time
from typing import Any

from requests.adapters import HTTPAdapter
from touchstone import tls
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse


class _Bounded(socket.socket):
    """Reads until `deadline` (time.monotonic) and never waits longer than the time-out for one read."""

    deadline: float = float("inf")
    patience: float | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read as the base class does; TimeoutError once the deadline is over."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        super().settimeout(left if self.patience is None else min(left, self.patience))
        return super().recv_into(*args, **kwargs)

    def settimeout(self, value: float | None) -> None:
        """Remember the time-out of a single read beside setting it."""
        self.patience = value
        super().settimeout(value)


class BoundedSocket(_Bounded):
    """A socket that is read until a deadline."""


class BoundedSSLSocket(_Bounded, ssl.SSLSocket):
    """Likewise, with TLS on it."""


class _Connection(HTTPConnection):
    deadline: float = float("inf")

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        patience = plain.gettimeout()
        bounded = BoundedSocket(fileno=plain.detach())
        bounded.settimeout(patience)
        return bounded

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        if isinstance(self.sock, _Bounded):
            self.sock.deadline = time.monotonic() + self.deadline
        return super().getresponse()


class _SSLConnection(_Connection, HTTPSConnection):
    pass


def adapter(deadline: float, *, pool_maxsize: int = 1, ca: tls.CA = None) -> HTTPAdapter:
    """Return a transport whose answers, headers and body, are read in `deadline` seconds or not at all.

    `pool_maxsize` is how many threads may share it at once without opening connections beyond those kept; `ca` is as in
    `touchstone.tls.context`.
    """

    class Connection(_Connection):
        pass

    class SSLConnection(_SSLConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SSLPool(HTTPSConnectionPool):
        ConnectionCls = SSLConnection

    Connection.deadline = SSLConnection.deadline = deadline
    pools = {"http": Pool, "https": SSLPool}
    return tls.Adapter(ca, pools, BoundedSSLSocket, pool_maxsize=pool_maxsize)
