"""TODO."""

from dataclasses import dataclass
from typing import Protocol

FORGET_AFTER_SECONDS = 900.0  # seconds without a failure after which all is forgotten


KNOWN_PLACE_SECONDS = 90 * 86_400.0  # seconds that a place stays known


@dataclass(frozen=True, slots=True)
class FailureCount:
    """What is kept under one key: how many failures in a row, when the last one was, until when to wait."""

    failures: int
    last_failure_at: float
    blocked_until: float


class FailedLogins(Protocol):
    """Where failures are kept, by digests alone."""

    def find(self, keys: tuple[bytes, ...]) -> dict[bytes, FailureCount]:
        """Find those of these keys that there are."""

    def add_failure(self, key: bytes, at: float, memory: float) -> int:
        """Add one failure, the first again after a pause of `memory`; return how many there are, and keeps the row."""

    def block(self, key: bytes, until: float) -> None:
        """Have this key wait."""

    def set_known_place(self, key: bytes, at: float) -> None:
        """Note a place from where somebody logged in."""

    def delete(self, keys: tuple[bytes, ...]) -> None:
        """Forget these."""
