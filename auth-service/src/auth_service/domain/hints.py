"""ID tokens that come back to us as hints: who is meant, never a proof of who asks."""

from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.keys import KeyStore
from auth_service.domain.store import Transaction


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


@dataclass(frozen=True, slots=True)
class HintKey:
    """The public half of a former signing key, in DER; hints are read with it until ``keep_until`` (unix seconds)."""

    kid: str
    public_key: bytes
    keep_until: float


class HintKeys(Protocol):
    """Where public halves are kept after their private ones were removed. They are never published."""

    def add(self, key: HintKey) -> None:
        """Keep one; nothing changes when it is there."""

    def get(self, kid: str) -> HintKey | None:
        """Find by the key's id."""

    def remove(self, kid: str) -> bool:
        """Take one out; False when it was not there."""


def keep_for_hints(tx: Transaction, keys: KeyStore, lifetime: float) -> None:
    """Keep the public half of every former key for ``lifetime`` seconds after it last signed.

    To be called before keys are removed. ``lifetime`` is how long a session can live: the person of an older ID token
    has no session of that time left.
    """
    for key in keys.former():
        tx.hint_keys.add(HintKey(key.kid, key.public_key, key.signed_until + lifetime))
