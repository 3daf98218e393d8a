"""The upstream services: their URLs and limits, and the one retry of a call."""

from dataclasses import dataclass

from gateway.errors import Refusal, retry_after
from gateway.http_client.connection_pool import ConnectionPool
from gateway.http_client.exchange import Exchange, UpstreamError, UpstreamRequest

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
MAX_CALLS = 256  # to one service at once, so that one that hangs does not hold up the others
_ERRORS = {
    "refused": ("upstream_unavailable", "is not available at the moment"),
    "timeout": ("upstream_timeout", "did not respond in time"),
    "broken": ("bad_gateway", "sent an invalid response"),
}


@dataclass(slots=True)
class Upstream:
    """One service: its name, base URL, and the calls under way, of which `max_long_polls` may be long polls."""

    name: str
    url: str
    max_long_polls: int = 0
    calls: int = 0
    long_polls: int = 0
    retries: int = 0

    def refusal(self, reason: str = "refused", seconds: int = 1) -> Refusal:
        """Return the refusal for an UpstreamError's `reason`; the client may try again after `seconds`."""
        slug, text = _ERRORS[reason]
        return Refusal(slug, f"{self.name} {text}.", retry_after(seconds))

    def start(self, pool: ConnectionPool, request: UpstreamRequest) -> "UpstreamCall":
        """Start the call. Raise Refusal (503) while all addresses are broken or too many calls are under way."""
        if self.calls >= MAX_CALLS:
            raise self.refusal()
        if request.method not in IDEMPOTENT or request.body is None:
            request = request._replace(new_connection=True)
        try:
            return UpstreamCall(self, pool, request)
        except UpstreamError as error:
            raise self.refusal(error.reason, pool.addresses(self.url).retry_after()) from None


class UpstreamCall:
    """One call of a service: an exchange, repeated at most once. `close` must be called."""

    __slots__ = ("_open", "_pool", "_request", "_upstream", "exchange")

    def __init__(self, upstream: Upstream, pool: ConnectionPool, request: UpstreamRequest) -> None:
        self._upstream = upstream
        self._pool = pool
        self._request = request
        self.exchange: Exchange = pool.start(request)
        upstream.calls += 1
        self._open = True

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the response.

        An idempotent call whose connection broke before a byte came is repeated once, at another address if there is
        one. Where no connection was made, all addresses have been tried. Raise Refusal: 503 if the service cannot be
        reached, 504 if it is too slow, 502 if its response is invalid. Raise UpstreamError after `abandon`.
        """
        try:
            try:
                return await self._head()
            except UpstreamError as error:
                if not self._may_repeat(error):
                    raise
                self._upstream.retries += 1
                failed = self.exchange.address
                on_slow = self.exchange.on_slow
                self.exchange.close()
                self.exchange = self._pool.start(self._request._replace(new_connection=True), avoid=failed)
                self.exchange.on_slow = on_slow
                return await self._head()
        except UpstreamError as error:
            if error.reason == "abandoned":
                raise
            seconds = self._pool.addresses(self._upstream.url).retry_after()
            raise self._upstream.refusal(error.reason, seconds) from None

    def abandon(self) -> None:
        """End the exchange: its client has disconnected."""
        self.exchange.fail("abandoned")

    def close(self) -> None:
        """End the call; an exchange under way is aborted. Idempotent."""
        self.exchange.close()
        self._upstream.calls -= self._open
        self._open = False

    async def _head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return the head, and record at the address whether there was one."""
        exchange = self.exchange
        try:
            head = await exchange.head()
        except UpstreamError as error:
            # A client that disconnects says nothing about the service; only a probe needs some result.
            if exchange.address is not None and (error.reason != "abandoned" or exchange.address.broken):
                exchange.address.failed()
            raise
        if exchange.address is not None:
            exchange.address.succeeded()
        return head

    def _may_repeat(self, error: UpstreamError) -> bool:
        if error.began or error.reason != "broken":
            return False
        return self._request.method in IDEMPOTENT and self._request.body is not None
