"""Counts of failed log-ins and wrong codes."""

from dataclasses import dataclass
from typing import Protocol

FORGET_AFTER_SECONDS = 900.0  # without a failure
KNOWN_PLACE_SECONDS = 90 * 86_400.0  # since the last log-in from there


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failures in a row under one key. Times are Unix seconds."""

    failures: int
    last_failure_at: float
    blocked_until: float


class FailedLogins(Protocol):
    """Repository of failures, by digests alone."""

    def find(self, keys: tuple[bytes, ...]) -> dict[bytes, FailureCount]:
        """Return the counts that exist for these keys."""

    def add_failure(self, key: bytes, at: float, memory: float) -> int:
        """Add one failure, the first again after a pause of `memory` seconds; lock the row and return the count."""

    def block(self, key: bytes, until: float) -> None:
        """Block a key until a time."""

    def set_known_place(self, key: bytes, at: float) -> None:
        """Record a place from which an account logged in."""

    def delete(self, keys: tuple[bytes, ...]) -> None:
        """Delete the counts of these keys."""
