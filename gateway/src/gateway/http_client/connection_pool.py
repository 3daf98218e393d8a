"""Connections to the services: reused, bounded in number and in time, with one exchange at a time on each."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from gateway.http_client.exchange import Exchange, UpstreamRequest

CONNECT_SECONDS = 1.0
MAX_IDLE = 128  # idle connections kept for one host
IDLE_SECONDS = 15.0
LIFE_SECONDS = 60.0  # of a connection, as replicas come and go
_SWEEP_SECONDS = 0.05


class UpstreamConnection(asyncio.Protocol):
    """A connection to a service, and the exchange that is on it."""

    transport: asyncio.Transport

    def __init__(self, idle: "list[UpstreamConnection]", loop: asyncio.AbstractEventLoop) -> None:
        self.made = self.idle_since = loop.time()
        self._loop = loop
        self._idle = idle
        self._exchange: Exchange | None = None
        # None: writable now; else done once the service has read on.
        self._writable: asyncio.Future[None] | None = None

    def begin(self, exchange: Exchange, message: bytes) -> None:
        """Send a request; the connection belongs to the exchange until `release`."""
        self._exchange = exchange
        self.transport.write(message)
        exchange.sent(self)

    # Called by an exchange.

    async def write(self, data: bytes) -> None:
        """Send, no faster than the service reads."""
        if not self.transport.is_closing():
            self.transport.write(data)
        if self._writable is not None:
            await self._writable

    def pause(self) -> None:
        """Pause reading."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def release(self, *, reusable: bool) -> None:
        """Return to the idle connections, or close."""
        self._exchange = None
        self.idle_since = now = self._loop.time()
        if (
            reusable
            and len(self._idle) < MAX_IDLE
            and now - self.made < LIFE_SECONDS
            and not self.transport.is_closing()
        ):
            self._idle.append(self)
        else:
            self.transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass bytes to the exchange; without one they are unsolicited and end the connection."""
        if self._exchange is not None:
            self._exchange.received(data)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the error to the exchange, or forget the idle connection."""
        self.resume_writing()
        if self._exchange is not None:
            self._exchange.lost(clean=exc is None)
        elif self in self._idle:
            self._idle.remove(self)

    def pause_writing(self) -> None:
        """Make `write` wait: the service reads slowly."""
        self._writable = self._writable or self._loop.create_future()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None


class HostConnections:
    """The idle connections to one host; the one used last is used next."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.idle: list[UpstreamConnection] = []
        self._tls = parts.scheme == "https"
        self._address = parts.hostname or "", parts.port or (443 if self._tls else 80)

    def take(self, now: float) -> UpstreamConnection | None:
        """Return an idle connection, None if there is none."""
        while self.idle:
            connection = self.idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and not connection.transport.is_closing():
                return connection
            connection.transport.abort()
        return None

    async def connect(self, loop: asyncio.AbstractEventLoop) -> UpstreamConnection:
        """Return a new connection. Raise OSError, including TimeoutError."""
        host, port = self._address
        making = loop.create_connection(
            lambda: UpstreamConnection(self.idle, loop), host, port, ssl=self._tls or None
        )
        _, connection = await asyncio.wait_for(making, CONNECT_SECONDS)
        return connection


class ConnectionPool:
    """Starts exchanges with any host; belongs to the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._hosts: dict[str, HostConnections] = {}
        self._running: set[Exchange] = set()
        self._connecting: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self, request: UpstreamRequest) -> Exchange:
        """Start an exchange, which must be closed."""
        host = self._hosts.get(request.service)
        if host is None:
            host = self._hosts[request.service] = HostConnections(request.service)
        exchange = Exchange(request, self._loop)
        self._running.add(exchange)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        connection = None if request.new_connection else host.take(self._loop.time())
        if connection is not None:
            connection.begin(exchange, request.message(host.host))
        else:
            task = self._loop.create_task(self._connect(host, exchange))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        return exchange

    def close(self) -> None:
        """Close all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._connecting:
            task.cancel()
        for host in self._hosts.values():
            for connection in list(host.idle):
                connection.transport.abort()

    async def _connect(self, host: HostConnections, exchange: Exchange) -> None:
        try:
            connection = await host.connect(self._loop)
        except (OSError, UnicodeError):  # UnicodeError: not a host name
            exchange.fail("refused")
            return
        if exchange.done:
            connection.release(reusable=True)
        else:
            connection.begin(exchange, exchange.request.message(host.host))

    def _sweep(self) -> None:
        """End exchanges that take too long: one timer for all, as most end long before."""
        now = self._loop.time()
        for exchange in [e for e in self._running if e.done or e.deadline <= now]:
            self._running.discard(exchange)
            exchange.fail("timeout")
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._running else None
