"""`GET /console/processes`: server-sent events of which process accepts the session's token."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from service_kit.server import shutdown
from touchstone import AccessClaims

from gateway.browser_session.browser_sessions import Session
from gateway.console.poll_interval import PollInterval
from gateway.console.process_polls import ProcessPoll, Result
from gateway.errors import Refusal, retry_after
from gateway.request import ClientGoneError, Request

MAX_STREAMS = 32
MAX_STREAMS_OF_SESSION = 3  # browsers open six connections to a server, which must not all be streams
STREAM_SECONDS = 120.0  # the page then asks for another stream
ALIVE_SECONDS = 0.5
_HEADERS = ((b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"))


class ProcessStreams:
    """The handler of the streams.

    A stream polls each process with the access token that the session had at its start: one poll of a process at a time.
    Its events, each with JSON: `processes` with the list of all at its start; `process` for each change; `alive` twice a
    second; `end` with the reason, which is `expired` (the token), `time_limit` or `stopping` (this gateway).
    """

    def __init__(  # noqa: PLR0913 - parts of the gateway, and limits
        self,
        require: Callable[[Request], Awaitable[Session]],
        polls: Callable[[str, AccessClaims], Awaitable[list[ProcessPoll]]],
        interval: PollInterval,
        *,
        now: Callable[[], float] = time.time,
        stream_seconds: float = STREAM_SECONDS,
        stopping: Callable[[], bool] | None = None,
    ) -> None:
        self._require = require
        self._polls = polls
        self._interval = interval
        self._now = now
        self._stream_seconds = stream_seconds
        self._stopping = stopping or (lambda: shutdown.stopping().is_set())
        self._streams: Counter[str] = Counter()  # by the id of the session

    async def __call__(self, request: Request) -> None:
        """Send the events until the token expires or a limit is reached. Raise Refusal, also 429 for too many streams."""
        session = await self._require(request)
        with self._place(session.claims.session_id or session.claims.token_id):
            headers = request.response_headers(200, _HEADERS)
            if request.method == "HEAD":
                await request.finish(200, headers, b"")
                return
            await request.start(200, headers)
            polls = await self._polls(session.access_token, session.claims)
            await self._send(request, session.claims.expires_at, polls)

    @contextmanager
    def _place(self, session_id: str) -> Iterator[None]:
        if self._streams.total() >= MAX_STREAMS or self._streams[session_id] >= MAX_STREAMS_OF_SESSION:
            detail = "Too many of these streams are open; close another page of the console."
            raise Refusal("too_many_requests", detail, retry_after(5))
        self._streams[session_id] += 1
        try:
            yield
        finally:
            self._streams[session_id] -= 1
            self._streams += Counter()  # drops those of zero

    async def _send(self, request: Request, expires_at: float, polls: list[ProcessPoll]) -> None:
        changes: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        watch = _Watch(self._interval, changes)
        tasks = [asyncio.create_task(request.disconnected())]
        tasks += [asyncio.create_task(watch(number, poll)) for number, poll in enumerate(polls)]
        for task in tasks:  # the client's disconnect ends the stream, and so does an unexpected error
            task.add_done_callback(lambda _: changes.put_nowait(None))
        ends_at = self._now() + self._stream_seconds
        try:
            start = {
                "processes": [_described(number, poll) for number, poll in enumerate(polls)],
                "expires_at": expires_at,
            }
            await request.write(_event("processes", start))
            while (reason := self._end(expires_at, ends_at)) is None:
                await request.write(await self._next_event(changes, watch))
            await request.write(_event("end", {"reason": reason}))
            await request.write(b"", more=False)
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def _next_event(self, changes: asyncio.Queue[dict[str, Any] | None], watch: "_Watch") -> bytes:
        """Return the next change, or `alive` if none comes for half a second. Raise ClientGoneError."""
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                change = await changes.get()
        except TimeoutError:
            return _event("alive", {"now": self._now(), "polls": watch.polls})
        if change is None:
            raise ClientGoneError
        return _event("process", change)

    def _end(self, expires_at: float, ends_at: float) -> str | None:
        now = self._now()
        if self._stopping():
            return "stopping"
        if now >= expires_at:
            return "expired"
        return "time_limit" if now >= ends_at else None


class _Watch:
    """Polls processes, and puts the results that differ from the last one into a queue."""

    def __init__(self, interval: PollInterval, changes: asyncio.Queue[dict[str, Any] | None]) -> None:
        self._interval = interval
        self._changes = changes
        self.polls = 0

    async def __call__(self, number: int, poll: ProcessPoll) -> None:
        last: Result | None = None
        while True:
            begun = time.perf_counter()
            result = await poll.poll()
            self.polls += 1
            if result != last:
                last = result
                taken = round((time.perf_counter() - begun) * 1000, 1)
                described = {"state": result.state, "slug": result.slug, "milliseconds": taken}
                self._changes.put_nowait(_described(number, poll) | described)
            await self._interval.pause(accepted=result.state == "accepted")


def _described(number: int, poll: ProcessPoll) -> dict[str, Any]:
    return {
        "id": number,
        "lane": poll.lane,
        "service": poll.service,
        "address": poll.address,
        "state": "unknown",
        "slug": None,
        "milliseconds": None,
    }


def _event(name: str, value: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
