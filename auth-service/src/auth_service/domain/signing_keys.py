"""Signing keys, whose states follow from the clock alone, so replicas agree without communication."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import Protocol


class KeyState(StrEnum):
    """The states of a signing key, in order."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, order=True)
class KeyName:
    """The time a key was made, in whole Unix seconds, and its id (RFC 7638 thumbprint); older keys sort first."""

    created_at: int
    kid: str


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """Seconds for which a key is published before it signs, and after it stopped."""

    publish_ahead: int
    retire_after: int

    @classmethod
    def of(cls, *, jwks_max_age: int, access_ttl: int, leeway: int = 30, margin: int = 60) -> "KeyTimes":
        """Return times with which every verifier reads a key before it signs, and keeps it while its tokens live."""
        return cls(publish_ahead=2 * jwks_max_age, retire_after=access_ttl + leeway + margin)


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key at one moment. Times are Unix seconds, None if still open."""

    kid: str
    created_at: int
    state: KeyState
    signs_from: int
    signs_until: int | None
    published_until: int | None


def key_states(births: Iterable[KeyName], now: float, times: KeyTimes) -> list[KeyStatus]:
    """Return every key's state at a moment, oldest first; exactly one key is current if there is any.

    *next* is published and does not sign yet; *current*, the newest past that delay, signs (if none is past it, the
    oldest, so a first key signs at once); *retired* is still published, for its tokens; *expired* no longer is.
    """
    keys = sorted(births)
    due = [key for key in keys if key.created_at + times.publish_ahead <= now]
    current = due[-1] if due else (keys[0] if keys else None)
    found = []
    for key, successor in zip_longest(keys, keys[1:]):
        first = key is keys[0]
        until = successor.created_at + times.publish_ahead if successor else None
        gone = until + times.retire_after if until is not None else None
        if current is not None and key > current:
            state = KeyState.NEXT
        elif key is current:
            state = KeyState.CURRENT
        else:
            state = KeyState.EXPIRED if gone is not None and now >= gone else KeyState.RETIRED
        starts = key.created_at + (0 if first else times.publish_ahead)
        found.append(KeyStatus(key.kid, key.created_at, state, starts, until, gone))
    return found


@dataclass(frozen=True, slots=True)
class FormerKey:
    """A key that no longer signs: its public key in DER (SubjectPublicKeyInfo), and when it stopped, in Unix seconds."""

    kid: str
    public_key: bytes = field(repr=False)
    signed_until: int


class KeyStore(Protocol):
    """The signing keys."""

    def statuses(self) -> list[KeyStatus]:
        """Return every key's state now, oldest first."""

    def former(self) -> list[FormerKey]:
        """Return every key that is retired or expired, oldest first."""

    def rotate(self) -> str:
        """Add a key that signs once every verifier has read it; return its id."""

    def rotate_if_older(self, seconds: float) -> str | None:
        """Add a key unless the newest is younger than this; of any number of processes at once, one adds it."""

    def withdraw(self, kid: str) -> str | None:
        """Remove a key at once; raise UnknownSigningKey.

        If none is left to sign, make one that signs at once, and return its id.
        """

    def prune(self) -> list[str]:
        """Remove the expired keys; return their ids."""


class Signer(Protocol):
    """Signs claims with the current key."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact RS256 JWT with this `typ` (RFC 7519); raise NoSigningKey."""
