"""How often: rate limits by client address, and by account for log-in, counted in memory or in Valkey."""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string
from touchstone.strictjson import loads

from gateway.errors import Refusal, retry

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates, as `count/period`."""

    client: str = "6000/minute"
    login: str = "120/minute"
    account: str = "30/minute"


class Limits:
    """Counts requests in fixed windows.

    `client` bounds all requests of one address, `login` those of one address to log-in routes, and `account` those of
    one address for one account: a flood from elsewhere never locks an owner out. A storage that does not answer is
    replaced by this process's memory until it does.
    """

    def __init__(
        self, rates: Rates, storage: str = "memory://", *, now: Callable[[], float] = time.time
    ) -> None:
        self._client, self._login, self._account = (
            parse(r) for r in (rates.client, rates.login, rates.account)
        )
        made = storage_from_string(f"async+{storage}")
        if not isinstance(made, Storage):
            raise TypeError(f"{storage} cannot be used from an event loop")
        self._limiter = FixedWindowRateLimiter(made)
        self._fallback = FixedWindowRateLimiter(MemoryStorage())
        self._now = now

    async def client(self, address: str) -> None:
        """Count a request of this address. Raises Refusal (429)."""
        await self._hit(self._client, "client", _network(address))

    async def login(self, address: str) -> None:
        """Count a request of this address to a log-in route. Raises Refusal (429)."""
        await self._hit(self._login, "login", _network(address))

    async def account(self, address: str, body: bytes) -> None:
        """Count a request of this address for the account that the body names, if any. Raises Refusal (429)."""
        name = account_of(body)
        if name is not None:
            digest = hashlib.sha256(name.encode()).hexdigest()[:32]
            await self._hit(self._account, "account", _network(address), digest)

    async def _hit(self, item: RateLimitItem, *key: str) -> None:
        limiter = self._limiter
        try:
            allowed = await limiter.hit(item, *key)
        except Exception:  # noqa: BLE001 - each storage has errors of its own, and none may close the door
            _log.warning("the rate limits' storage does not answer", exc_info=True)
            limiter = self._fallback
            allowed = await limiter.hit(item, *key)
        if not allowed:
            reset, _ = await limiter.get_window_stats(item, *key)
            raise Refusal(
                "too_many_requests", "Too many requests; try again later.", retry(reset - self._now())
            )


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 4:  # noqa: PLR2004
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def account_of(body: bytes) -> str | None:
    """Return the account that a log-in body speaks of, JSON or a form, in one spelling; None if there is none."""
    text: object = None
    if body.lstrip()[:1] == b"{":
        try:
            members = loads(body)
        except ValueError:
            return None
        text = members.get("email") if isinstance(members, dict) else None
    else:
        try:
            text = dict(parse_qsl(body.decode("ascii"), max_num_fields=32)).get("email")
        except ValueError:
            return None
    return text.strip().casefold() if isinstance(text, str) and text else None
