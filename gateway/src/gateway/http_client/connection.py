"""A connection to an address of a service, with one exchange at a time on it."""

import asyncio

from gateway.http_client.address import Address
from gateway.http_client.exchange import Exchange

LIFE_SECONDS = 60.0  # behind one address there may be a load balancer, and replicas that come and go


class UpstreamConnection(asyncio.Protocol):
    """A connection to a service, and the exchange that is on it."""

    transport: asyncio.Transport

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self.made = self.idle_since = loop.time()
        self._loop = loop
        self._exchange: Exchange | None = None
        # None: writable now; else done once the service has read on.
        self._writable: asyncio.Future[None] | None = None

    def begin(self, exchange: Exchange, message: bytes) -> None:
        """Send a request; the connection belongs to the exchange until `release`."""
        self._exchange = exchange
        self.transport.write(message)
        exchange.sent(self)

    # Called by its address.

    @property
    def closed(self) -> bool:
        """Whether one of the two sides has closed it."""
        return self.transport.is_closing()

    def abort(self) -> None:
        """Close it at once."""
        self.transport.abort()

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
        sound = reusable and now - self.made < LIFE_SECONDS and not self.transport.is_closing()
        if not sound or not self.address.keep(self):
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
        elif self in self.address.idle:
            self.address.idle.remove(self)

    def pause_writing(self) -> None:
        """Make `write` wait: the service reads slowly."""
        self._writable = self._writable or self._loop.create_future()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        if self._writable is not None:
            if not self._writable.done():  # it is cancelled with the task that waits for it
                self._writable.set_result(None)
            self._writable = None
