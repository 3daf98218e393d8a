"""Moving windows in Valkey, which several gateways share; without Valkey each process counts for itself."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import structlog
from limits.aio.storage.redis.bridge import RedisBridge
from valkey.asyncio import Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ConnectionError as ValkeyConnectionError
from valkey.exceptions import ValkeyError

from gateway.rate_limits.limit import Count, Limit, Verdict
from gateway.rate_limits.moving_windows import MovingWindows

_log = structlog.get_logger(__name__)
ANSWER_SECONDS = 0.1  # for one call of the script, connection included
RETRY_SECONDS = 1.0
MAX_REQUESTS = 64  # in one call of the script
_PROBE = ((Limit("probe", 1000, 1), "probe"),)

# The two scripts of `limits` for moving windows, called for several windows at once, at the time of the server: the
# clocks of gateways differ. ARGV has three values for each key: amount, period, and 1 if it is the last of a request.
_SCRIPT = f"""
local function acquire(KEYS, ARGV)
{RedisBridge.SCRIPT_ACQUIRE_MOVING_WINDOW.decode()}
end
local function window(KEYS, ARGV)
{RedisBridge.SCRIPT_MOVING_WINDOW.decode()}
end
local time = redis.call('time')
local now = time[1] + time[2] / 1000000
local replies, first = {{}}, 1
for last = 1, #KEYS do
    if ARGV[3 * last] == '1' then
        local allowed, windows = 1, {{}}
        for k = first, last do
            local amount, period = tonumber(ARGV[3 * k - 2]), tonumber(ARGV[3 * k - 1])
            windows[k] = window({{KEYS[k]}}, {{now - period, amount}}) or {{now, 0}}
            if windows[k][2] >= amount then allowed = 0 end
        end
        for k = first, last do
            local amount, period = tonumber(ARGV[3 * k - 2]), tonumber(ARGV[3 * k - 1])
            if allowed == 1 then acquire({{KEYS[k]}}, {{now, amount, period, 1}}) end
            local milliseconds = (windows[k][1] + period - now) * 1000
            replies[k] = {{allowed, windows[k][2] + allowed, math.ceil(milliseconds)}}
        end
        first = last + 1
    end
end
return replies
"""


def client(url: str) -> Valkey:
    """Return a client that is not connected yet. Raise ValueError if the URL is none of a Valkey or Redis server."""
    parts = urlsplit(url)
    if parts.scheme not in {"valkey", "valkeys", "redis", "rediss"} or not parts.hostname:
        raise ValueError("must be a URL such as valkey://host:6379, or valkeys:// with TLS")
    options: dict[str, Any] = {"ssl_check_hostname": True} if parts.scheme in {"valkeys", "rediss"} else {}
    # A connection that the server has closed is replaced once.
    retry = Retry(NoBackoff(), 1)
    made: Valkey = Valkey.from_url(url, retry=retry, retry_on_error=[ValkeyConnectionError], **options)
    try:
        made.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValkeyError):
        raise ValueError("must not have such an option after the question mark") from None
    return made


class SharedWindows:
    """Counts requests in Valkey, those that wait at the same time in one call.

    If Valkey does not answer in `answer_seconds`, `own` counts until it is reached again; requests do not wait for that.
    `changed` is called with False and True when Valkey is lost and found. Belongs to one event loop.
    """

    def __init__(
        self,
        valkey: Valkey,
        own: MovingWindows,
        changed: Callable[[bool], None],
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._valkey = valkey
        self._script = valkey.register_script(_SCRIPT)
        self._own = own
        self._changed = changed
        self._answer_seconds = answer_seconds
        self._waiting: deque[tuple[Sequence[Count], asyncio.Future[Verdict]]] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None

    async def hit(self, counts: Sequence[Count]) -> Verdict:
        """Count one request in all of these windows, or in none if one of them is full."""
        if self._prober is not None:
            return self._own.hit(counts)
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((counts, future))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return await future

    async def close(self) -> None:
        """Close the connection."""
        for task in (self._sender, self._prober):
            if task is not None:
                task.cancel()
        await self._valkey.aclose()

    async def _send(self) -> None:
        try:
            while self._waiting:
                requests = [counts for counts, _ in islice(self._waiting, MAX_REQUESTS)]
                for verdict in await self._call(requests):
                    _answer(self._waiting.popleft()[1], verdict)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Valkey, requests are served
            _log.warning("rate limits are not shared: Valkey does not answer", reason=type(error).__name__)
            self._changed(False)
            self._prober = asyncio.create_task(self._probe())
        finally:
            self._sender = None
            while self._waiting:
                counts, future = self._waiting.popleft()
                _answer(future, self._own.hit(counts))

    async def _probe(self) -> None:
        """Return when the script works again."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._call([_PROBE])
            except Exception:  # noqa: BLE001, S112 - logged when Valkey was lost
                continue
            _log.warning("rate limits are shared again")
            self._changed(True)
            self._prober = None
            return

    async def _call(self, requests: Sequence[Sequence[Count]]) -> Sequence[Verdict]:
        keys: list[str] = []
        arguments: list[int] = []
        for counts in requests:
            for limit, key in counts:
                keys.append(f"rate-limit:{limit.name}:{key}")
                arguments += (limit.amount, limit.period, 0)
            arguments[-1] = 1
        async with asyncio.timeout(self._answer_seconds):
            replies = iter(await self._script(keys, arguments))
        return [_verdict(counts, replies) for counts in requests]


def _verdict(counts: Sequence[Count], replies: Iterator[tuple[int, int, int]]) -> Verdict:
    allowed, windows = 0, []
    for limit, _ in counts:
        allowed, used, milliseconds = next(replies)
        windows.append((limit, used, milliseconds / 1000))
    return allowed == 1, windows


def _answer(future: "asyncio.Future[Verdict]", verdict: Verdict) -> None:
    if not future.done():  # else its request was cancelled
        future.set_result(verdict)
