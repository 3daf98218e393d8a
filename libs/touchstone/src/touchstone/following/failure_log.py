"""Owns what is told of failures: each thing once, not at every attempt and not at every request."""

from __future__ import annotations

import logging

from touchstone.following.failure_reason import reason

log = logging.getLogger("touchstone")


class Trouble:
    """The failures in a row of who follows `url`, told in the log.

    The first is a warning; that they have lasted `alert_after` seconds is an error; that they are over, an information.
    """

    def __init__(self, url: str, alert_after: float) -> None:
        self._url = url
        self._alert_after = alert_after
        self._began = 0.0
        self._alerted = False
        self.failures = 0
        self.last_error: str | None = None

    def add(self, error: Exception, began: float, now: float) -> None:
        """Note the failure of an attempt that began then, by a clock that never goes back."""
        self.last_error = reason(error)
        if not self.failures:
            self._began = began
            log.warning("cannot follow %s: %s", self._url, self.last_error)
        self.failures += 1
        lasted = now - self._began
        if not self._alerted and lasted >= self._alert_after:
            self._alerted = True
            log.error("not confirmed for %d seconds: %s", lasted, self._url)

    def end(self) -> None:
        """Note that an attempt has succeeded."""
        if self.failures:
            log.info("following again: %s", self._url)
        self.failures, self._alerted, self.last_error = 0, False, None
