"""Push delivery of due events, a few at a time, in threads."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from auth_service.background.job import Job
from auth_service.domain.clock import Clock
from auth_service.domain.delivery import Attempt, Outcome, retry_delay
from auth_service.domain.security_events.event import QueuedEvent
from auth_service.domain.security_events.stream import Stream
from auth_service.use_cases.security_events.push import PushDelivery

MAX_PUSHES, MAX_PUSHES_OF_STREAM = 8, 4  # concurrent in this process
LOOK_EVERY = 1.0  # seconds; the longest delay for an event of another process
TRIM_EVERY = 60.0  # seconds
_log = structlog.get_logger(__name__)


class EventPusher(Job):
    """The job that pushes due events.

    After a failed attempt a stream pauses for 1, 2, 4 … 60 s and is then tried with one event, so a failing receiver does
    not delay the others. `count` is called with the outcome of each attempt.
    """

    def __init__(
        self, deliver: PushDelivery, count: Callable[[Outcome], object], *, ticks: Clock = time.monotonic
    ) -> None:
        super().__init__("event push", self.look, every=LOOK_EVERY)
        self._deliver, self._count, self._ticks = deliver, count, ticks
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._paused_until: dict[str, float] = {}
        self._trimmed_at = float("-inf")
        self._unavailable = False

    def look(self) -> None:
        """Start a thread for each due event that may be pushed; log an outage of the database once."""
        try:
            self._look()
        except SQLAlchemyError as error:
            if not self._unavailable:
                _log.error("queued events cannot be read", reason=type(error).__name__)
            self._unavailable = True
        else:
            self._unavailable = False

    def _look(self) -> None:
        if self._ticks() - self._trimmed_at >= TRIM_EVERY:
            self._trimmed_at = self._ticks()
            dropped = self._deliver.trim()
            if dropped:
                _log.error("signals were dropped: too old, or too many for their stream", signals=dropped)
        for stream in self._deliver.due():
            slots = self._free_slots(stream.stream_id)
            for signal in self._deliver.claim(stream, slots) if slots else ():
                self._send(stream, signal)

    def _free_slots(self, stream_id: str) -> int:
        with self._lock:
            if self._ticks() < self._paused_until.get(stream_id, 0.0):
                return 0
            limit = 1 if self._failures[stream_id] else MAX_PUSHES_OF_STREAM
            return max(0, min(limit - self._busy[stream_id], MAX_PUSHES - self._busy.total()))

    def _send(self, stream: Stream, signal: QueuedEvent) -> None:
        with self._lock:
            self._busy[stream.stream_id] += 1
        threading.Thread(
            target=self._push, args=(stream, signal), name="event push attempt", daemon=True
        ).start()

    def _push(self, stream: Stream, signal: QueuedEvent) -> None:
        with self._busy_with(stream.stream_id):
            try:
                tried = self._deliver(stream, signal)
            except SQLAlchemyError as error:  # it is pushed again when its lease is over
                _log.warning(
                    "the outcome of a push was not recorded", jti=signal.jti, reason=type(error).__name__
                )
                return
            self._note(stream, signal, tried)

    def _note(self, stream: Stream, signal: QueuedEvent, tried: Attempt) -> None:
        failed = tried.outcome in {Outcome.DELAYED, Outcome.GIVEN_UP}
        with self._lock:
            if failed:
                self._failures[stream.stream_id] += 1
                pause = retry_delay(self._failures[stream.stream_id])
                self._paused_until[stream.stream_id] = self._ticks() + pause
            else:
                self._failures.pop(stream.stream_id, None)
                self._paused_until.pop(stream.stream_id, None)
        self._count(tried.outcome)
        if tried.outcome is Outcome.DELIVERED:
            return
        log = _log.warning if tried.outcome is Outcome.DELAYED else _log.error
        log(
            f"a signal was {tried.outcome.replace('_', ' ')}",
            stream=stream.stream_id,
            client=stream.client_id,
            jti=signal.jti,
            kind=signal.event.rpartition("/")[2],
            tries=signal.attempts,
            reason=tried.reason,
        )

    @contextmanager
    def _busy_with(self, stream_id: str) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._busy[stream_id] -= 1
                self._busy += Counter()  # drops zero counts
            self.wake()
