"""Logs a follower's first failure, a lasting outage and the recovery, once each."""

from __future__ import annotations

import logging

from touchstone.following.failure_reason import failure_reason

log = logging.getLogger("touchstone")


class FailureLog:
    """The consecutive failures to fetch `url`.

    The first is logged as a warning, an outage of `alert_after` seconds as an error, the recovery as an information.
    """

    def __init__(self, url: str, alert_after: float) -> None:
        self._url = url
        self._alert_after = alert_after
        self._began = 0.0
        self._alerted = False
        self.failures = 0
        self.last_error: str | None = None

    def add_failure(self, error: Exception, began: float, now: float) -> None:
        """Record the failure of an attempt that began at `began`; both times are of a monotonic clock."""
        self.last_error = failure_reason(error)
        if not self.failures:
            self._began = began
            log.warning("cannot follow %s: %s", self._url, self.last_error)
        self.failures += 1
        outage = now - self._began
        if not self._alerted and outage >= self._alert_after:
            self._alerted = True
            log.error("not confirmed for %d seconds: %s", outage, self._url)

    def reset(self) -> None:
        """Record a success."""
        if self.failures:
            log.info("following again: %s", self._url)
        self.failures, self._alerted, self.last_error = 0, False, None
