"""Rate limits by client address and, for log-in, by account; counted in memory or in Valkey.

In memory they are counted in a dict: the asyncio memory storage of `limits` starts a task at every hit, which goes
through all keys (15 µs with one of them).
"""

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string
from touchstone.strictjson import loads

from gateway.errors import Refusal, retry_after

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits, each as `count/period`."""

    client: str = "6000/minute"
    login: str = "120/minute"
    account: str = "30/minute"


class FixedWindows:
    """Fixed windows in memory, each opened by the first hit of its key. Beyond `size` keys the oldest window is dropped."""

    def __init__(self, now: Callable[[], float], size: int = 65_536) -> None:
        self._now = now
        self._size = size
        self._windows: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    def hit(self, item: RateLimitItem, key: tuple[str, ...]) -> float | None:
        """Count a hit; return None if it is within the limit, else the seconds until the window ends."""
        now, windows = self._now(), self._windows
        count, until = windows.get(key, (0, 0.0))
        if now >= until:
            windows.pop(key, None)
            count, until = 0, now + item.get_expiry()
        windows[key] = count + 1, until
        if len(windows) > self._size:
            windows.popitem(last=False)
        return None if count < item.amount else until - now


class RateLimits:
    """Counts requests in fixed windows.

    `client` limits all requests of one address, `login` those to log-in routes, and `account` those for one account,
    also by address: requests from elsewhere never lock the owner out. While the shared storage fails, this process
    counts in its own memory.
    """

    def __init__(
        self, rates: Rates, storage: str = "memory://", *, now: Callable[[], float] = time.time
    ) -> None:
        self._client, self._login, self._account = (
            parse(r) for r in (rates.client, rates.login, rates.account)
        )
        self._now = now
        self._memory = FixedWindows(now)
        self._shared: FixedWindowRateLimiter | None = None
        if not storage.startswith("memory:"):
            shared = storage_from_string(f"async+{storage}")
            if not isinstance(shared, Storage):
                raise TypeError(f"{storage} cannot be used from an event loop")
            self._shared = FixedWindowRateLimiter(shared)

    async def client(self, address: str) -> None:
        """Count a request of this address. Raise Refusal (429)."""
        await self._hit(self._client, "client", _network(address))

    async def login(self, address: str) -> None:
        """Count a request of this address to a log-in route. Raise Refusal (429)."""
        await self._hit(self._login, "login", _network(address))

    async def account(self, address: str, body: bytes) -> None:
        """Count a request of this address for the account that the body names, if any. Raise Refusal (429)."""
        name = account_of(body)
        if name is not None:
            digest = hashlib.sha256(name.encode()).hexdigest()[:32]
            await self._hit(self._account, "account", _network(address), digest)

    async def _hit(self, item: RateLimitItem, *key: str) -> None:
        wait = (
            self._memory.hit(item, key)
            if self._shared is None
            else await self._hit_shared(self._shared, item, *key)
        )
        if wait is not None:
            raise Refusal(
                "too_many_requests", "There were too many requests from this address.", retry_after(wait)
            )

    async def _hit_shared(
        self, shared: FixedWindowRateLimiter, item: RateLimitItem, *key: str
    ) -> float | None:
        try:
            if await shared.hit(item, *key):
                return None
            reset, _ = await shared.get_window_stats(item, *key)
        except Exception:  # noqa: BLE001 - each storage has errors of its own, and none may stop the gateway
            _log.warning("the rate limits' storage does not answer", exc_info=True)
            return self._memory.hit(item, key)
        return float(reset) - self._now()


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 subscriber."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 4:  # noqa: PLR2004 - the IP version
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def account_of(body: bytes) -> str | None:
    """Return the email in a log-in body (JSON or a form), normalized; None if there is none."""
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
