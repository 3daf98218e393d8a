"""Refreshes each session once, however many requests and tabs ask for it at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from service_kit.clock import Clock

from gateway.browser_session.session_tokens import SessionTokens
from gateway.errors import Refusal
from gateway.request import Request

KEEP_SECONDS = 600.0  # that a successor is kept for requests that still carry the cookie before it
MAX_KEPT = 4096
RETRY_SECONDS = 1.0  # after a failure
WAIT_SECONDS = 1.0  # for a refresh, while the token before it is still valid
T = TypeVar("T")
Refresh = Callable[[Request, SessionTokens], Awaitable[SessionTokens]]


class Refresher:
    """Returns tokens that are not about to expire. Belongs to one event loop.

    A browser may send a cookie again whose successor it did not receive: it then gets the same successor. The
    authorization server gives two gateways the same successor within its grace time.
    """

    def __init__(self, refresh: Refresh, now: Clock) -> None:
        self._refresh = refresh
        self._now = now
        self._running: dict[str, asyncio.Task[SessionTokens]] = {}
        self._successors: OrderedDict[str, tuple[float, SessionTokens]] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, Refusal]] = OrderedDict()

    async def current(self, request: Request, tokens: SessionTokens) -> SessionTokens:
        """Return these tokens, or their successors where they are due.

        Raise what the refresh raises; but while the authorization server does not answer, return the old tokens as long
        as they are valid.
        """
        while tokens.is_due(self._now()):
            known = self._successors.get(tokens.refresh_token)
            if known is None:
                if tokens.has_expired(self._now()):
                    return await self.successor(request, tokens)
                with suppress(Refusal, TimeoutError):
                    async with asyncio.timeout(WAIT_SECONDS):
                        return await self.successor(request, tokens)
                return tokens
            tokens = known[1]
        return tokens

    async def successor(self, request: Request, tokens: SessionTokens) -> SessionTokens:
        """Return the successors of these tokens; raise what the refresh raises."""
        key = tokens.refresh_token
        known = self._successors.get(key)
        if known is not None:
            return known[1]
        until, failure = self._failures.get(key, (0.0, None))
        if failure is not None and self._now() < until:
            raise failure.again()
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run(request, tokens))
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    async def _run(self, request: Request, tokens: SessionTokens) -> SessionTokens:
        try:
            successor = await self._refresh(request, tokens)
        except Refusal as failure:
            entry = (self._now() + RETRY_SECONDS, failure.again())
            _keep(self._failures, tokens.refresh_token, entry, self._now())
            raise
        _keep(self._successors, tokens.refresh_token, (self._now() + KEEP_SECONDS, successor), self._now())
        return successor

    def _end(self, key: str, task: asyncio.Task[SessionTokens]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # perhaps no request waits for it any more


def _keep(kept: OrderedDict[str, tuple[float, T]], key: str, entry: tuple[float, T], now: float) -> None:
    """Add an entry with the time until which it is kept; remove those that are too old, or too many."""
    kept[key] = entry
    kept.move_to_end(key)
    while len(kept) > MAX_KEPT or next(iter(kept.values()))[0] < now:
        kept.popitem(last=False)
