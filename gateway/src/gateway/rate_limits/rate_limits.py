"""Counts each request in the limits of its route, and says in headers what is left of them."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.errors import Refusal
from gateway.rate_limits.client_key import account_of, network
from gateway.rate_limits.limit import Count, Limit, Window
from gateway.rate_limits.moving_windows import MovingWindows
from gateway.rate_limits.shared_windows import SharedWindows, client
from gateway.request import Request
from gateway.routing.route import Route


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of the named limits, each as `count/period`."""

    client: str = "6000/minute"
    login: str = "120/minute"
    account: str = "30/minute"


class _RouteLimits(NamedTuple):
    """The limits of a route: those counted at once, each with the start of its keys, that of the account, and the header."""

    first: Sequence[tuple[Limit, str]]
    account: Limit | None
    policy: tuple[bytes, bytes]


class RateLimits:
    """Counts requests in moving windows, in memory or, with the URL of a Valkey server, together with other gateways.

    `client` limits the requests of one address, `login` those to log-in routes, and `account` those for one account,
    also by address: requests from elsewhere never lock the owner out. A route's own rate limits the requests of one
    address to that route.
    """

    def __init__(
        self,
        rates: Rates,
        registry: CollectorRegistry,
        valkey_url: str | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named = {
            "client": Limit.of("client", rates.client),
            "login": Limit.of("login", rates.login),
            "account": Limit.of("account", rates.account),
        }
        self._by_route: dict[tuple[str, tuple[str, ...]], _RouteLimits] = {}
        self._own = MovingWindows(now)
        self._shared: SharedWindows | None = None
        self._refusals = Counter(
            "rate_limit_refusals", "Number of requests refused, by limit.", ["limit"], registry=registry
        )
        if valkey_url is not None:
            shared = Gauge(
                "rate_limits_shared", "1 while Valkey counts for all gateways, 0 while it does not answer.",
                registry=registry,
            )  # fmt: skip
            shared.set(1)
            self._shared = SharedWindows(client(valkey_url), self._own, shared.set)

    async def count(self, request: Request, route: Route) -> None:
        """Count a request in the limits of its route, except that of the account. Raise Refusal (429)."""
        limits = self._of(route)
        if limits.first:
            address = network(request.client)
            await self._hit(request, limits, [(limit, start + address) for limit, start in limits.first])

    async def count_account(self, request: Request, route: Route) -> None:
        """Count a request for the account that its body names, if the route has that limit. Raise Refusal (429)."""
        if "account" not in route.limits:
            return
        limits, name = self._of(route), account_of(request.data)
        if limits.account is not None and name is not None:
            digest = hashlib.sha256(name.encode()).hexdigest()[:32]
            await self._hit(request, limits, [(limits.account, f"{network(request.client)} {digest}")])

    async def close(self) -> None:
        """Close the connection to Valkey."""
        if self._shared is not None:
            await self._shared.close()

    async def _hit(self, request: Request, limits: _RouteLimits, counts: Sequence[Count]) -> None:
        allowed, windows = self._own.hit(counts) if self._shared is None else await self._shared.hit(counts)
        request.windows += windows
        # A refusal shows only what is used up: the client has to wait for all that it shows.
        shown = (
            request.windows if allowed else [each for each in request.windows if each[1] >= each[0].amount]
        )
        request.limit_headers = limits.policy, (b"ratelimit", _state(shown))
        if allowed:
            return
        for limit, *_ in shown:
            self._refusals.labels(limit.name).inc()
        seconds = max(floor(seconds) + 1 for *_, seconds in shown)
        detail = "There were too many requests from this address."
        raise Refusal("too_many_requests", detail, (b"retry-after", b"%d" % seconds))

    def _of(self, route: Route) -> _RouteLimits:
        key = route.pattern, route.limits
        return self._by_route.get(key) or self._by_route.setdefault(key, self._make(*key))

    def _make(self, pattern: str, names: Sequence[str]) -> _RouteLimits:
        limits = [(self._named.get(name) or Limit.of(name, name)) for name in names]
        policy = ", ".join([f'"{limit.name}";q={limit.amount};w={limit.period}' for limit in limits])
        first = [
            (each, "" if each.name in self._named else f"{pattern} ")
            for each in limits
            if each.name != "account"
        ]
        account = self._named["account"] if "account" in names else None
        return _RouteLimits(first, account, (b"ratelimit-policy", policy.encode()))


def _state(windows: Sequence[Window]) -> bytes:
    """Return the RateLimit header: what is left, and for how many seconds there may be no more."""
    items = [f'"{limit.name}";r={limit.amount - used};t={ceil(seconds)}' for limit, used, seconds in windows]
    return ", ".join(items).encode()
