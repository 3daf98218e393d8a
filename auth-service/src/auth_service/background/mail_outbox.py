"""The outbox: letters that wait to be sent, in memory and bounded, seen off by one thread that no request waits for."""

import atexit
import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

from auth_service.domain.accounts.errors import MailBusy
from auth_service.domain.email import Email, MailDelayed, Mailer, MailRefused

_log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries, doubling
LAST_WORK = 3.0  # seconds that a process which ends still gives to letters that are due


def pause_after(tries: int, first: float) -> float:
    """Give the seconds to wait after so many tries before the one that just failed."""
    return min(first * float(2**tries), LONGEST_PAUSE)


class ThreadedOutbox:
    """The domain's Outbox over a Mailer; may be shared by any number of threads.

    A letter is tried until it is handed over, refused for good, or of no use any more; each end but the first is
    logged, by kind and never by address. Letters of a process that is killed are lost: whoever waits asks again.
    "No letter" takes a place like any other, so that neither time nor a full outbox tells who has an account.
    The thread starts with the first letter, in the process that takes it (servers fork).
    """

    def __init__(
        self,
        mailer: Mailer,
        *,
        places: int = 1000,
        now: Callable[[], float] = time.time,
        announce: Callable[[Email], None] | None = None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._mailer = mailer
        self._places = places
        self._now = now
        self._announce = announce
        self._first_pause = first_pause
        self._waiting: list[tuple[float, int, int, Email | None]] = []
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closing = False

    def post(self, letter: Email | None) -> None:
        """Take a letter, or none for the same work; raises MailBusy when all places are taken."""
        with self._changed:
            if len(self._waiting) >= self._places or self._closing:
                raise MailBusy("the mail queue is full", retry_after=5)
            heapq.heappush(self._waiting, (0.0, next(self._numbers), 0, letter))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify()

    def close(self, patience: float = LAST_WORK) -> None:
        """Send what is due, for at most so many seconds; what is left is logged by number."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(patience)
        left = sum(letter is not None for *_, letter in self._waiting)
        if left:
            _log.error("mail was not sent before the end", letters=left)
            self._waiting.clear()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            number, tries, letter = due
            pause = self._deliver(letter, tries) if letter is not None else None
            if pause is not None:
                with self._changed:
                    again = time.monotonic() + pause
                    heapq.heappush(self._waiting, (again, number, tries + 1, letter))

    def _next(self) -> tuple[int, int, Email | None] | None:
        """Wait for the next letter that is due; None when the outbox closes and none is."""
        with self._changed:
            while True:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    _, number, tries, letter = heapq.heappop(self._waiting)
                    return number, tries, letter
                if self._closing:
                    return None
                self._changed.wait(wait)

    def _deliver(self, letter: Email, tries: int) -> float | None:
        """Try once; gives the seconds to wait before the next try, None when there is to be none."""
        try:
            self._mailer.send(letter.to, letter.subject, letter.text)
        except MailRefused as error:
            _log.error("mail was refused", kind=letter.kind, reason=str(error))
            return None
        except MailDelayed as error:
            pause = pause_after(tries, self._first_pause)
            if self._now() + pause >= letter.until:
                _log.error("mail was given up", kind=letter.kind, reason=str(error), tries=tries + 1)
                return None
            _log.warning("mail is delayed", kind=letter.kind, reason=str(error), tries=tries + 1)
            return pause
        except Exception as error:  # noqa: BLE001 (one odd letter must not stop the others)
            _log.error("mail failed", kind=letter.kind, reason=type(error).__name__)
            return None
        if self._announce is not None:
            self._announce(letter)
        return None
