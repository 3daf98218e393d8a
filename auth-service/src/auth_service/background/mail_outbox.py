"""A bounded in-memory mail queue with one delivery thread."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

from auth_service.background.job import Job
from auth_service.domain.accounts.errors import MailBusy
from auth_service.domain.clock import Clock
from auth_service.domain.delivery import Outcome, attempt, retry_delay
from auth_service.domain.email import Email, Mailer

STOP_SECONDS = 3.0  # how long the end of the process waits for mails that are due
_IDLE_SECONDS = 3600.0
_MESSAGES = {
    Outcome.REFUSED: "mail was refused",
    Outcome.GIVEN_UP: "mail was given up",
    Outcome.DELAYED: "mail is delayed",
}
_log = structlog.get_logger(__name__)


class MailOutbox(Job):
    """The domain's `Outbox` over a `Mailer`; may be shared by any number of threads.

    A mail is tried until it is sent, refused or out of date; every end but the first is logged, by kind and never by
    address. Mails of a killed process are lost: the user requests another. None takes a place like a mail, so that
    neither the time nor a full queue reveals who has an account. The thread starts with the first mail.
    """

    def __init__(
        self,
        mailer: Mailer,
        *,
        places: int = 1000,
        now: Clock = time.time,
        announce: Callable[[Email], None] | None = None,
        delay: Callable[[int], float] = retry_delay,
    ) -> None:
        super().__init__("mail", self._send_due, every=self._seconds_until_due)
        self._mailer, self._places, self._now = mailer, places, now
        self._announce, self._delay = announce, delay
        self._queue: list[tuple[float, int, int, Email | None]] = []  # a heap: due at, number, attempts, mail
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._closed = False

    def post(self, mail: Email | None) -> None:
        """Queue a mail, or None for the same work, without waiting; raise MailBusy if the queue is full or closed."""
        with self._lock:
            if len(self._queue) >= self._places or self._closed:
                raise MailBusy("the mail queue is full", retry_after=5)
            heapq.heappush(self._queue, (0.0, next(self._numbers), 0, mail))
        self.ensure()
        self.wake()

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """Send what is due, for at most `patience` seconds, and log how many mails are left."""
        self._closed = True
        end = time.monotonic() + patience
        while self._seconds_until_due() <= 0 and time.monotonic() < end:
            time.sleep(0.01)
        super().stop(max(0.0, end - time.monotonic()))
        left = sum(mail is not None for *_, mail in self._queue)
        if left:
            _log.error("mail was not sent before the end", mails=left)
            self._queue.clear()

    def _seconds_until_due(self) -> float:
        with self._lock:
            return self._queue[0][0] - time.monotonic() if self._queue else _IDLE_SECONDS

    def _send_due(self) -> None:
        while self._seconds_until_due() <= 0:
            with self._lock:
                _, number, attempts, mail = heapq.heappop(self._queue)
            delay = self._send(mail, attempts + 1) if mail is not None else 0.0
            if delay:
                with self._lock:
                    heapq.heappush(self._queue, (time.monotonic() + delay, number, attempts + 1, mail))

    def _send(self, mail: Email, attempts: int) -> float:
        """Try once; return the seconds until the next attempt, 0 if there is none."""
        try:
            done = attempt(
                lambda: self._mailer.send(mail.to, mail.subject, mail.text),
                attempts,
                mail.until - self._now(),
                self._delay,
            )
        except Exception as error:  # noqa: BLE001 - one bad mail must not stop the others
            _log.error("mail failed", kind=mail.kind, reason=type(error).__name__)
            return 0.0
        if done.outcome is not Outcome.DELIVERED:
            log = _log.warning if done.outcome is Outcome.DELAYED else _log.error
            log(_MESSAGES[done.outcome], kind=mail.kind, reason=done.reason, tries=attempts)
        elif self._announce is not None:
            self._announce(mail)
        return done.delay
