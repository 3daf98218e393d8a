"""The watcher: one thread of the process that keeps what is published recent, and wakes those who wait for it."""

import time
from collections.abc import Callable, Hashable
from typing import Protocol

import structlog

from auth_service.background.job import STOP_SECONDS, Job
from auth_service.domain.clock import Clock

LOOK_EVERY = 0.25  # seconds: keys change by hand, and by the clock, and ring no bell
READ_EVERY = 1.0  # seconds between two looks at the database, though no bell has rung
BREATH = 0.025  # seconds between two reads under many changes: the first is seen at once, the others together
LONGEST_PAUSE = 2.0  # seconds between two tries to reach a database that is away
_log = structlog.get_logger(__name__)


class ChangeNotifications(Protocol):
    """Rings when something has been committed to the database, by whichever process."""

    def wait(self, seconds: float) -> bool:
        """Wait for at most so long; tell whether something may have changed. Raise when it cannot be told."""

    def close(self) -> None:
        """Let go of the database."""


class Watched(Protocol):
    """Something that is published, and may be changed by another process."""

    def refresh(self) -> None:
        """Take over what has changed; may raise."""

    def version(self) -> Hashable:
        """Say what is published now, so that a change can be told; never raises."""


class _Outage:
    """Whether something can be reached: when to try again, and one line in the log for its loss and its return."""

    def __init__(self, what: str, ticks: Clock) -> None:
        self._what, self._ticks = what, ticks
        self._failures = 0
        self._next = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds until it makes sense to try."""
        return max(0.0, self._next - self._ticks())

    def lost(self, error: Exception) -> None:
        if not self._failures:
            _log.error(f"{self._what} cannot be reached", reason=type(error).__name__)
        self._failures += 1
        self._next = self._ticks() + min(LOOK_EVERY * 2 ** min(self._failures - 1, 5), LONGEST_PAUSE)

    def had(self) -> None:
        if self._failures:
            _log.info(f"{self._what} can be reached again")
        self._failures = 0


class ChangeWatcher(Job):
    """Waits for the bell, has what is `watched` refreshed, and calls `wake` when something else is published then.

    The thread starts with `ensure`, in the process that calls it, and outlives whatever goes wrong: what cannot be
    reached is tried again, at least every 2 s; and while there is no bell the database is read every second.
    """

    def __init__(
        self,
        notifications: ChangeNotifications,
        wake: Callable[[], None],
        *watched: Watched,
        ticks: Clock = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("change watcher", self.turn, every=0)
        self._notifications, self._watched, self._wakers = notifications, list(watched), [wake]
        self._ticks, self._pause = ticks, pause
        self._notifications_outage, self._database_outage = (
            _Outage("the database's notifications", ticks),
            _Outage("the database", ticks),
        )
        self._known: list[Hashable] = []
        self._notified = False
        self._looked_at = self._read_at = self._answered_at = float("-inf")

    def add(self, watched: Watched, wake: Callable[[], None]) -> None:
        """Watch something else too, and call `wake` as well; to be called before the thread starts."""
        self._watched.append(watched)
        self._wakers.append(wake)

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """End the thread, and let go of the database."""
        super().stop(patience)
        self._notifications.close()

    def turn(self) -> None:
        """Wait for a moment, and look if there is reason to."""
        self._notified = self._listen() or self._notified
        due = self._notified or self._ticks() - self._read_at >= READ_EVERY
        if due and not self._database_outage.pause:
            self._read()
        elif self._ticks() - self._looked_at < LOOK_EVERY:
            return
        self._look()

    def _listen(self) -> bool:
        if self._notifications_outage.pause:
            self._pause(min(LOOK_EVERY, self._notifications_outage.pause))
            return False
        try:
            changed = self._notifications.wait(LOOK_EVERY)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next turn must come
            self._notifications_outage.lost(error)
            return False
        self._notifications_outage.had()
        return changed

    def _read(self) -> None:
        if self._notified:
            early = self._answered_at + BREATH - self._ticks()
            if early > 0:
                self._pause(early)
            self._answered_at = self._ticks()
        self._read_at = self._ticks()
        try:
            for each in self._watched:
                each.refresh()
        except Exception as error:  # noqa: BLE001 - the same
            self._database_outage.lost(error)
            return
        self._database_outage.had()
        self._notified = False

    def _look(self) -> None:
        self._looked_at = self._ticks()
        version = [each.version() for each in self._watched]
        if version != self._known:
            self._known = version
            for wake in self._wakers:
                wake()
