"""ID tokens that come back to us as hints: who is meant, never a proof of who asks."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token of ours says about a log-in, perhaps long ago."""

    sub: str
    client_id: str
    sid: str | None


class HintReader(Protocol):
    """Reads ID tokens that come back as hints."""

    def read(self, id_token: str) -> Hint | None:
        """Give the hint if we signed it, expired or not; None otherwise, and for every other kind of token."""
