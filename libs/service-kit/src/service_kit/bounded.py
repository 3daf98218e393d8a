"""Connections with one deadline for the whole answer: a read time-out alone lets a server trickle for ever."""

import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import HTTPResponse


class BoundedSocket(socket.socket):
    """A socket that reads until `deadline` (time.monotonic) and never waits longer than its time-out for one read."""

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


class _Connection(HTTPConnection):
    deadline: float = float("inf")

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        patience = plain.gettimeout()
        bounded = BoundedSocket(fileno=plain.detach())
        bounded.settimeout(patience)
        return bounded

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        if isinstance(self.sock, BoundedSocket):
            self.sock.deadline = time.monotonic() + self.deadline
        return super().getresponse()


def adapter(deadline: float) -> HTTPAdapter:
    """Return a transport for http:// whose answers, headers and body, are read in `deadline` seconds or not at all."""

    class Connection(_Connection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    Connection.deadline = deadline
    transport = HTTPAdapter(pool_maxsize=1)
    transport.poolmanager.pool_classes_by_scheme = {
        **transport.poolmanager.pool_classes_by_scheme,
        "http": Pool,
    }
    return transport
