"""The upstream services: their URLs, circuit breakers and limits, and the one retry of a call."""

import time
from dataclasses import dataclass

from service_kit.clock import Clock
from service_kit.http_client.circuit_breaker import CircuitBreaker

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
    """One service: its name, base URL, breaker, and the calls under way, of which `max_long_polls` may be long polls."""

    name: str
    url: str
    breaker: CircuitBreaker
    max_long_polls: int
    calls: int = 0
    long_polls: int = 0

    @classmethod
    def at(cls, name: str, url: str, max_long_polls: int = 0, now: Clock = time.monotonic) -> "Upstream":
        """Return an upstream with a closed breaker."""
        return cls(name, url, CircuitBreaker(now=now), max_long_polls)

    def refusal(self, reason: str = "refused") -> Refusal:
        """Return the refusal for an UpstreamError's `reason`."""
        slug, text = _ERRORS[reason]
        return Refusal(slug, f"{self.name} {text}.", retry_after(self.breaker.retry_after()))

    def start(self, pool: ConnectionPool, request: UpstreamRequest) -> "UpstreamCall":
        """Start the call. Raise Refusal (503) while the breaker is open or too many calls are under way."""
        probe = self.breaker.state != "closed"
        if self.calls >= MAX_CALLS or (probe and not self.breaker.allow()):
            raise self.refusal()
        if request.method not in IDEMPOTENT or request.body is None:
            request = request._replace(new_connection=True)
        return UpstreamCall(self, pool, request, probe=probe)


class UpstreamCall:
    """One call of a service: an exchange, repeated at most once. `close` must be called."""

    __slots__ = ("_decided", "_pool", "_probe", "_request", "_upstream", "exchange")

    def __init__(
        self, upstream: Upstream, pool: ConnectionPool, request: UpstreamRequest, *, probe: bool
    ) -> None:
        self._upstream = upstream
        self._pool = pool
        self._request = request
        self._decided = False  # whether the breaker has the result
        self._probe = probe
        upstream.calls += 1
        self.exchange: Exchange = pool.start(request)

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return status and headers of the response; repeat an idempotent call once if it failed before a byte came.

        Raise Refusal: 503 if the service cannot be reached, 504 if it is too slow, 502 if its response is invalid.
        """
        try:
            try:
                head = await self.exchange.head()
            except UpstreamError as error:
                if not self._may_repeat(error):
                    raise
                self.exchange.close()
                self.exchange = self._pool.start(self._request._replace(new_connection=True))
                head = await self.exchange.head()
        except UpstreamError as error:
            self._decided = True
            self._upstream.breaker.record_failure()
            raise self._upstream.refusal(error.reason) from None
        self._decided = True
        self._upstream.breaker.record_success()
        return head

    def close(self) -> None:
        """End the call; an exchange under way is aborted."""
        self.exchange.close()
        self._upstream.calls -= 1
        if not self._decided and self._probe:
            self._upstream.breaker.record_failure()  # the client left before the probe had a result

    def _may_repeat(self, error: UpstreamError) -> bool:
        if error.began or error.reason == "timeout":
            return False
        return self._request.method in IDEMPOTENT and self._request.body is not None
