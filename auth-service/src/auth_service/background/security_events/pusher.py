"""The couriers: threads that see signals off, a few at a time, none of which a request waits for."""

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

AT_ONCE, OF_ONE = 8, 4  # tries under way in this process: in all, and for one stream
LOOK_EVERY = 1.0  # seconds; how late a signal is noticed that another process recorded
TRIM_EVERY = 60.0  # seconds
_log = structlog.get_logger(__name__)


class EventPusher(Job):
    """Pushes what is due, from when `ensure` was first called in a process; `wake` has it look at once.

    A stream whose last try failed rests, 1, 2, 4 … 60 s, and is then tried with one signal alone, so neither a sick receiver
    nor its whole outbox keeps others waiting. `count` is told what became of each try.
    """

    def __init__(
        self, deliver: PushDelivery, count: Callable[[Outcome], object], *, ticks: Clock = time.monotonic
    ) -> None:
        super().__init__("event push", self.look, every=LOOK_EVERY)
        self._deliver, self._count, self._ticks = deliver, count, ticks
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._rest_until: dict[str, float] = {}
        self._trimmed_at = float("-inf")
        self._away = False

    def look(self) -> None:
        """Start a courier for each signal that is due and may be tried. An outage of the database is said once."""
        try:
            self._look()
        except SQLAlchemyError as error:
            if not self._away:
                _log.error("signals cannot be looked for", reason=type(error).__name__)
            self._away = True
        else:
            self._away = False

    def _look(self) -> None:
        if self._ticks() - self._trimmed_at >= TRIM_EVERY:
            self._trimmed_at = self._ticks()
            dropped = self._deliver.trim()
            if dropped:
                _log.error("signals were dropped: too old, or too many for their stream", signals=dropped)
        for stream in self._deliver.due():
            places = self._places(stream.stream_id)
            for signal in self._deliver.claim(stream, places) if places else ():
                self._send(stream, signal)

    def _places(self, stream_id: str) -> int:
        with self._lock:
            if self._ticks() < self._rest_until.get(stream_id, 0.0):
                return 0
            of_one = 1 if self._failures[stream_id] else OF_ONE
            return max(0, min(of_one - self._busy[stream_id], AT_ONCE - self._busy.total()))

    def _send(self, stream: Stream, signal: QueuedEvent) -> None:
        with self._lock:
            self._busy[stream.stream_id] += 1
        threading.Thread(
            target=self._push, args=(stream, signal), name="event push attempt", daemon=True
        ).start()

    def _push(self, stream: Stream, signal: QueuedEvent) -> None:
        with self._at_work(stream.stream_id):
            try:
                tried = self._deliver(stream, signal)
            except SQLAlchemyError as error:  # it comes up again when its lease is over
                _log.warning("a signal's fate was not recorded", jti=signal.jti, reason=type(error).__name__)
                return
            self._note(stream, signal, tried)

    def _note(self, stream: Stream, signal: QueuedEvent, tried: Attempt) -> None:
        failed = tried.outcome in {Outcome.DELAYED, Outcome.GIVEN_UP}
        with self._lock:
            if failed:
                self._failures[stream.stream_id] += 1
                rest = retry_delay(self._failures[stream.stream_id])
                self._rest_until[stream.stream_id] = self._ticks() + rest
            else:
                self._failures.pop(stream.stream_id, None)
                self._rest_until.pop(stream.stream_id, None)
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
    def _at_work(self, stream_id: str) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._busy[stream_id] -= 1
                self._busy += Counter()  # forgets those at nought
            self.wake()
