"""Connections to the services: kept where they can be, bounded in number and in time, each with one call at a time."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from gateway.http_client.exchange import Call, Transfer

CONNECT_SECONDS = 1.0
POOL = 128  # idle connections that are kept to one service
IDLE_SECONDS = 15.0
LIFE_SECONDS = 60.0  # of a connection: replicas come and go
_SWEEP_SECONDS = 0.05


class Line(asyncio.Protocol):
    """One connection to a service, and the call that is on it."""

    transport: asyncio.Transport

    def __init__(self, pool: "list[Line]", loop: asyncio.AbstractEventLoop) -> None:
        self.made = self.idle_since = loop.time()
        self._loop = loop
        self._pool = pool
        self._transfer: Transfer | None = None
        # None: writable now; else done when the service has read on.
        self._writable: asyncio.Future[None] | None = None

    def begin(self, transfer: Transfer, message: bytes) -> None:
        """Send a request; the connection is the transfer's until it is `free`."""
        self._transfer = transfer
        self.transport.write(message)
        transfer.sent(self)

    # What a transfer calls.

    async def write(self, data: bytes) -> None:
        """Send, no faster than the service reads."""
        if not self.transport.is_closing():
            self.transport.write(data)
        if self._writable is not None:
            await self._writable

    def pause(self) -> None:
        """Read no more for now."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def free(self, *, reusable: bool) -> None:
        """Wait for the next call, or end."""
        self._transfer = None
        self.idle_since = now = self._loop.time()
        if (
            reusable
            and len(self._pool) < POOL
            and now - self.made < LIFE_SECONDS
            and not self.transport.is_closing()
        ):
            self._pool.append(self)
        else:
            self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep what is written to."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take an answer; what comes unasked ends the connection."""
        if self._transfer is not None:
            self._transfer.received(data)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the call; an idle connection is forgotten."""
        self.resume_writing()
        if self._transfer is not None:
            self._transfer.lost(clean=exc is None)
        elif self in self._pool:
            self._pool.remove(self)

    def pause_writing(self) -> None:
        """Hold back the request's body: the service is slow to read."""
        self._writable = self._writable or self._loop.create_future()

    def resume_writing(self) -> None:
        """Let it go on."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None


class Origin:
    """Where a service is reached, and the idle connections to it; the one that was used last is used next."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.lines: list[Line] = []
        self._tls = parts.scheme == "https"
        self._address = parts.hostname or "", parts.port or (443 if self._tls else 80)

    def idle(self, now: float) -> Line | None:
        """Return a connection that waits for a call."""
        while self.lines:
            line = self.lines.pop()
            if now - line.idle_since < IDLE_SECONDS and not line.transport.is_closing():
                return line
            line.transport.abort()
        return None

    async def connect(self, loop: asyncio.AbstractEventLoop) -> Line:
        """Return a new connection. Raises OSError, TimeoutError among them."""
        host, port = self._address
        making = loop.create_connection(lambda: Line(self.lines, loop), host, port, ssl=self._tls or None)
        _, line = await asyncio.wait_for(making, CONNECT_SECONDS)
        return line


class Client:
    """Calls services; belongs to the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origins: dict[str, Origin] = {}
        self._running: set[Transfer] = set()
        self._connecting: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self, call: Call) -> Transfer:
        """Start the call; the transfer must be closed."""
        origin = self._origins.get(call.service)
        if origin is None:
            origin = self._origins[call.service] = Origin(call.service)
        transfer = Transfer(call, self._loop)
        self._running.add(transfer)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        line = None if call.fresh else origin.idle(self._loop.time())
        if line is not None:
            line.begin(transfer, call.message(origin.host))
        else:
            task = self._loop.create_task(self._connect(origin, transfer))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        return transfer

    def close(self) -> None:
        """Close all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._connecting:
            task.cancel()
        for origin in self._origins.values():
            for line in list(origin.lines):
                line.transport.abort()

    async def _connect(self, origin: Origin, transfer: Transfer) -> None:
        try:
            line = await origin.connect(self._loop)
        except (OSError, UnicodeError):  # not to be had, or no name at all
            transfer.fail("refused")
            return
        if transfer.done:
            line.free(reusable=True)
        else:
            line.begin(transfer, transfer.call.message(origin.host))

    def _sweep(self) -> None:
        """End what takes too long: one timer for all calls, as most are answered long before they could ring."""
        now = self._loop.time()
        for transfer in [t for t in self._running if t.done or t.deadline <= now]:
            self._running.discard(transfer)
            transfer.fail("timeout")
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._running else None
