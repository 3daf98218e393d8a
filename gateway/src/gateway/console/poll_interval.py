"""The pause between two polls of a process: long while nothing happens, short after a request that may change it."""

import asyncio
from contextlib import suppress

CALM_SECONDS = 0.25
FAST_SECONDS = 0.01  # shorter ones take so much of a small machine that the log-out itself gets slower
FAST_FOR_SECONDS = 5.0


class PollInterval:
    """One for all streams. Belongs to one event loop."""

    def __init__(self, calm_seconds: float = CALM_SECONDS) -> None:
        self._calm_seconds = calm_seconds
        self._fast_until = 0.0  # in the loop's time
        self._seen = asyncio.Event()

    def request_seen(self) -> None:
        """Poll fast for 5 s from now on: a request passes that may end a session."""
        self._fast_until = asyncio.get_running_loop().time() + FAST_FOR_SECONDS
        self._seen.set()
        self._seen = asyncio.Event()

    async def pause(self, *, accepted: bool) -> None:
        """Wait until the next poll is due; only that of a process that still accepts the token is urgent."""
        if accepted and asyncio.get_running_loop().time() < self._fast_until:
            await asyncio.sleep(FAST_SECONDS)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._calm_seconds):
                await self._seen.wait()
