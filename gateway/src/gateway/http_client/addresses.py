"""The addresses of a service: looked up again and checked in the background, and chosen evenly."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from random import random
from typing import Any
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection

from gateway.http_client.address import Address, AddressInfo
from gateway.http_client.connection import UpstreamConnection
from gateway.http_client.exchange import Exchange, UpstreamError, UpstreamRequest

MAX_ADDRESSES = 16  # of one name; further ones are not used
LOOK_UP_SECONDS = 5.0  # between two look-ups of a name
CHECK_SECONDS = 1.0  # between two checks of an address, and the longest time that one takes
CONNECT_SECONDS = 1.0  # to all addresses together
ATTEMPT_SECONDS = 0.25  # before the next address is tried as well (RFC 8305 section 5)
_SERVER_ERROR = 500
LookUp = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]


class Addresses:
    """The addresses of one URL. Belongs to one event loop.

    A name is looked up again every 5 s; a failed look-up changes nothing. Of several addresses each is checked every
    second, by `GET /readyz`: one that is shutting down or not up yet gets no request while another one is ready. A
    broken one gets none until a check, or a request if there is no other, has succeeded as its single probe.
    """

    def __init__(
        self,
        url: str,
        loop: asyncio.AbstractEventLoop,
        look_up: LookUp | None = None,
        *,
        look_up_seconds: float = LOOK_UP_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.known: list[Address] = []
        self._healthy: list[Address] = []  # what `choose` chooses from
        self._loop = loop
        self._look_up = look_up or _look_up
        self._look_up_seconds, self._check_seconds = look_up_seconds, check_seconds
        self._name, self._port = parts.hostname or "", parts.port or (443 if tls else 80)
        self._tls: dict[str, Any] = {"ssl": True, "server_hostname": self._name} if tls else {}
        self._looking_up: asyncio.Task[None] | None = None
        self._look_up_at = 0.0  # in the loop's time
        self._keeper: asyncio.Task[None] | None = None
        try:
            self._set(
                socket.getaddrinfo(
                    self._name, self._port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
                )
            )
        except (OSError, UnicodeError):  # a name
            self._keeper = loop.create_task(self._keep_recent())

    def choose(self, avoid: Address | None = None) -> Address | None:
        """Return the less busy one of two addresses at random; None if none may be used.

        So requests are spread evenly, and a slow address gets fewer; one that fails fast does not get them all, as it
        would if the least busy of all were chosen.
        """
        addresses = self._healthy
        if avoid is not None:
            addresses = [each for each in addresses if each is not avoid] or addresses
        count = len(addresses)
        if count == 1:
            return addresses[0]
        if not count:
            return next((each for each in self.known if each.breaker.allow()), None)
        first = int(random() * count)  # noqa: S311 - spreads load, guards nothing
        one, other = addresses[first], addresses[first - 1 - int(random() * (count - 1))]  # noqa: S311 - as above
        return one if one.calls <= other.calls else other

    async def connect(self, address: Address | None) -> UpstreamConnection:
        """Return a new connection: to this address, or to another healthy one if that is faster.

        Without an address the name is looked up first. Raise OSError, including TimeoutError, after 1 s at most.
        """
        tried: list[Address] = []
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if address is None:
                    await asyncio.shield(self._start_look_up())
                    address = self.choose()
                    if address is None:
                        raise OSError("no address")
                others = self._healthy if address in self._healthy else ()
                tried = [address, *(each for each in others if each is not address)]
                connection = await self._connect(tried)
        except (OSError, RuntimeError) as error:  # RuntimeError: uvloop's, for some of the same reasons
            self._look_up_at = 0.0
            for each in tried:
                each.failed()
            raise OSError("no connection") from error
        if connection.address is not address:
            address.failed()
        return connection

    async def urls(self) -> list[str]:
        """Return the URL of each address: that of the name itself for https, whose certificate names no address."""
        if not self.known:
            await asyncio.shield(self._start_look_up())
        if self._tls:
            return [f"https://{self.host.decode()}"]
        hosts = [each.info[4][:2] for each in self.known]
        return [f"http://{f'[{host}]' if ':' in host else host}:{port}" for host, port in hosts]

    def retry_after(self) -> int:
        """Return the whole seconds, at least 1, until a request may be sent."""
        return min((each.breaker.retry_after() for each in self.known), default=1)

    def close(self) -> None:
        """Close the idle connections, and end the background work."""
        for task in (self._keeper, self._looking_up):
            if task is not None:
                task.cancel()
        for each in self.known:
            each.close_idle()

    async def _connect(self, addresses: Sequence[Address]) -> UpstreamConnection:
        infos = [each.info for each in addresses]
        connected = await start_connection(infos, happy_eyeballs_delay=ATTEMPT_SECONDS)
        try:
            peer = connected.getpeername()[:2]
            address = next(each for each in addresses if each.info[4][:2] == peer)
            _, connection = await self._loop.create_connection(
                lambda: UpstreamConnection(address, self._loop), sock=connected, **self._tls
            )
        except BaseException:
            connected.close()
            raise
        return connection

    async def _keep_recent(self) -> None:
        while True:
            if self._loop.time() >= self._look_up_at:
                self._start_look_up()
            if len(self.known) > 1:
                await asyncio.gather(*map(self._check, self.known))
            await asyncio.sleep(self._check_seconds)

    async def _check(self, address: Address) -> None:
        request = UpstreamRequest("GET", "", "/readyz", (b"connection: close",), CHECK_SECONDS)
        exchange = Exchange(request, self._loop)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                connection = await self._connect([address])
                connection.begin(exchange, request.message(self.host))
                status, _ = await exchange.head()
            ready = status < _SERVER_ERROR
        except (OSError, RuntimeError, UpstreamError):
            ready = False
        finally:
            exchange.close()
        if ready and address.broken and address.breaker.allow():
            address.succeeded()
        if ready != address.ready:
            address.ready = ready
            self._update()

    def _start_look_up(self) -> asyncio.Task[None]:
        if self._looking_up is None:
            self._looking_up = self._loop.create_task(self._look_up_again())
        return self._looking_up

    async def _look_up_again(self) -> None:
        try:
            self._set(await self._look_up(self._name, self._port))
        except (OSError, UnicodeError):  # UnicodeError: not a host name
            pass
        finally:
            self._look_up_at = self._loop.time() + self._look_up_seconds
            self._looking_up = None

    def _set(self, infos: Sequence[AddressInfo]) -> None:
        """Keep the addresses that are known already, with their state, and add new ones, which a check makes ready."""
        before = {each.info[4]: each for each in self.known}
        found = {info[4]: info for info in infos}
        ordered = [
            *(each for each in before if each in found),
            *(each for each in found if each not in before),
        ]
        first = not before
        self.known = [
            before.get(each) or Address(found[each], self._update, ready=first)
            for each in ordered[:MAX_ADDRESSES]
        ]
        if len(self.known) == 1:
            self.known[0].ready = True  # a single one is not checked
        for address in before.values():
            if address not in self.known:
                address.ready = False
                address.close_idle()
        self._update()

    def _update(self) -> None:
        for each in self.known:
            if not each.ready:
                each.close_idle()
        sound = [each for each in self.known if not each.broken]
        self._healthy = [each for each in sound if each.ready] or sound


async def _look_up(name: str, port: int) -> Sequence[AddressInfo]:
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
