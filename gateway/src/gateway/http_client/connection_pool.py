"""Starts exchanges with the services, and ends those that take too long."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.http_client.address import Address
from gateway.http_client.addresses import Addresses
from gateway.http_client.exchange import Exchange, UpstreamError, UpstreamRequest

_SWEEP_SECONDS = 0.05


class ConnectionPool:
    """The connections to all services; belongs to the running event loop."""

    def __init__(
        self, make_addresses: Callable[[str, asyncio.AbstractEventLoop], Addresses] = Addresses
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._make_addresses = make_addresses
        self._addresses: dict[str, Addresses] = {}
        self._running: set[Exchange] = set()
        self._connecting: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self, request: UpstreamRequest, avoid: Address | None = None) -> Exchange:
        """Start an exchange, which must be closed, at another address than `avoid` if there is one.

        Raise UpstreamError (refused) while all addresses are broken.
        """
        addresses = self.addresses(request.service)
        address = addresses.choose(avoid)
        if address is None and addresses.known:
            raise UpstreamError("refused", began=False)
        exchange = Exchange(request, self._loop)
        exchange.send_to(address)
        self._running.add(exchange)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        connection = None
        if address is not None and not request.new_connection:
            connection = address.take(self._loop.time())
        if connection is not None:
            connection.begin(exchange, request.message(addresses.host))
        else:
            task = self._loop.create_task(self._connect(addresses, address, exchange))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        return exchange

    def addresses(self, service: str) -> Addresses:
        """Return the addresses of a service, by its URL."""
        found = self._addresses.get(service)
        if found is None:
            found = self._addresses[service] = self._make_addresses(service, self._loop)
        return found

    def close(self) -> None:
        """Close all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._connecting:
            task.cancel()
        for addresses in self._addresses.values():
            addresses.close()

    async def _connect(self, addresses: Addresses, address: Address | None, exchange: Exchange) -> None:
        try:
            connection = await addresses.connect(address)
        except OSError:
            exchange.send_to(None)
            exchange.fail("refused")
            return
        if exchange.done:
            connection.release(reusable=True)
        else:
            exchange.send_to(connection.address)
            connection.begin(exchange, exchange.request.message(addresses.host))

    def _sweep(self) -> None:
        """End exchanges that take too long, and report slow ones: one timer for all, as most end long before."""
        now = self._loop.time()
        for exchange in list(self._running):
            if exchange.done or exchange.deadline <= now:
                self._running.discard(exchange)
                exchange.fail("timeout")
            elif exchange.on_slow is not None and exchange.slow_at <= now:
                exchange.on_slow()
                exchange.on_slow = None
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._running else None
