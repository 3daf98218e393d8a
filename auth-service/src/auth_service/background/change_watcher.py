"""The change watcher: refreshes published documents and wakes the requests that wait for a change."""

import time
from collections.abc import Callable, Hashable
from typing import Protocol

import structlog

from auth_service.background.job import STOP_SECONDS, Job
from auth_service.domain.clock import Clock

LOOK_EVERY = 0.25  # seconds: changes of keys, by operators or the clock, cause no notification
READ_EVERY = 1.0  # seconds between two reads of the database without a notification
MIN_READ_INTERVAL = 0.025  # seconds; under many changes the first is read at once, the others together
MAX_RETRY_DELAY = 2.0  # seconds between two attempts during an outage
_log = structlog.get_logger(__name__)


class ChangeNotifications(Protocol):
    """Notifications of commits to the database by any process. For one thread."""

    def wait(self, seconds: float) -> bool:
        """Wait for at most `seconds`; return whether something may have changed since the last call.

        The first call connects and returns True. Exceptions of the driver pass through; the next call connects again.
        """

    def close(self) -> None:
        """Close the connection."""


class Watched(Protocol):
    """A published document that another process may change."""

    def refresh(self) -> None:
        """Read the changes; may raise."""

    def version(self) -> Hashable:
        """Return a value that changes with the document; never raise."""


class _Outage:
    """The state of an outage: when to retry; its begin and its end are logged once."""

    def __init__(self, what: str, ticks: Clock) -> None:
        self._what, self._ticks = what, ticks
        self._failures = 0
        self._next = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._next - self._ticks())

    def failed(self, error: Exception) -> None:
        if not self._failures:
            _log.error(f"{self._what} cannot be reached", reason=type(error).__name__)
        self._failures += 1
        self._next = self._ticks() + min(LOOK_EVERY * 2 ** min(self._failures - 1, 5), MAX_RETRY_DELAY)

    def ended(self) -> None:
        if self._failures:
            _log.info(f"{self._what} can be reached again")
        self._failures = 0


class ChangeWatcher(Job):
    """The job that refreshes what is `watched` after each notification, and calls `wake` if a version has changed.

    During an outage it retries at least every 2 s; without notifications it reads the database every second.
    """

    def __init__(
        self,
        notifications: ChangeNotifications,
        wake: Callable[[], None],
        *watched: Watched,
        ticks: Clock = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("change watcher", self.run_once, every=0)
        self._notifications, self._watched, self._wakers = notifications, list(watched), [wake]
        self._ticks, self._pause = ticks, pause
        self._notifications_outage, self._database_outage = (
            _Outage("the database's notifications", ticks),
            _Outage("the database", ticks),
        )
        self._known: list[Hashable] = []
        self._notified = False
        self._compared_at = self._read_at = self._notified_read_at = float("-inf")

    def add(self, watched: Watched, wake: Callable[[], None]) -> None:
        """Watch another document, and call `wake` too after changes; to be called before the thread starts."""
        self._watched.append(watched)
        self._wakers.append(wake)

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """End the thread and close the connection."""
        super().stop(patience)
        self._notifications.close()

    def run_once(self) -> None:
        """Wait for a notification, and read the database if one came or a read is due."""
        self._notified = self._listen() or self._notified
        due = self._notified or self._ticks() - self._read_at >= READ_EVERY
        if due and not self._database_outage.pause:
            self._read()
        elif self._ticks() - self._compared_at < LOOK_EVERY:
            return
        self._wake_if_changed()

    def _listen(self) -> bool:
        if self._notifications_outage.pause:
            self._pause(min(LOOK_EVERY, self._notifications_outage.pause))
            return False
        try:
            changed = self._notifications.wait(LOOK_EVERY)
        except Exception as error:  # noqa: BLE001 - the next run must follow, whatever went wrong
            self._notifications_outage.failed(error)
            return False
        self._notifications_outage.ended()
        return changed

    def _read(self) -> None:
        if self._notified:
            early = self._notified_read_at + MIN_READ_INTERVAL - self._ticks()
            if early > 0:
                self._pause(early)
            self._notified_read_at = self._ticks()
        self._read_at = self._ticks()
        try:
            for each in self._watched:
                each.refresh()
        except Exception as error:  # noqa: BLE001 - the same
            self._database_outage.failed(error)
            return
        self._database_outage.ended()
        self._notified = False

    def _wake_if_changed(self) -> None:
        self._compared_at = self._ticks()
        version = [each.version() for each in self._watched]
        if version != self._known:
            self._known = version
            for wake in self._wakers:
                wake()
