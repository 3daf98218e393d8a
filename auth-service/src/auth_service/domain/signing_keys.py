"""Signing keys: their state follows from the clock alone, so that replicas agree without talking."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import Protocol


class KeyState(StrEnum):
    """The life of a signing key."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, order=True)
class KeyName:
    """When a key was made, in whole unix seconds, and its id (RFC 7638 thumbprint); older ones sort first."""

    created_at: int
    kid: str


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """How long a key is published before it signs, and after it stopped, in seconds."""

    publish_ahead: int
    retire_after: int

    @classmethod
    def of(cls, *, jwks_max_age: int, access_ttl: int, leeway: int = 30, margin: int = 60) -> "KeyTimes":
        """Every verifier has seen a key before it signs; none needs it longer than it is published."""
        return cls(publish_ahead=2 * jwks_max_age, retire_after=access_ttl + leeway + margin)


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key now. `signs_from` and `signs_until` (None: open) are unix seconds."""

    kid: str
    created_at: int
    state: KeyState
    signs_from: int
    signs_until: int | None
    published_until: int | None


def key_states(births: Iterable[KeyName], now: float, times: KeyTimes) -> list[KeyStatus]:
    """Return every key's state at a moment, oldest first.

    *next* is published but does not sign yet; *current*, the newest past that delay, signs (the oldest does
    when none is past it: a first key must not wait); *retired* is still published, for its tokens live;
    *expired* is published no more. Of any keys at all exactly one is current.
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
    """A key that signs no more: its public half in DER (SubjectPublicKeyInfo), and since when, in unix seconds."""

    kid: str
    public_key: bytes = field(repr=False)
    signed_until: int


class KeyStore(Protocol):
    """What people and routes can do with the signing keys."""

    def statuses(self) -> list[KeyStatus]:
        """Return every key's state now, oldest first."""

    def former(self) -> list[FormerKey]:
        """Return every key that is retired or expired, oldest first."""

    def rotate(self) -> str:
        """Add a key that will sign once every verifier can know it; return its id."""

    def withdraw(self, kid: str) -> str | None:
        """Take a key out at once; raise UnknownKey.

        When none is left that could sign, a new one is made, which signs at once: its id is the answer.
        """

    def prune(self) -> list[str]:
        """Remove the keys that no living token needs; return their ids."""


class AgeingKeys(KeyStore, Protocol):
    """Signing keys that can be renewed by their age."""

    def rotate_if_older(self, seconds: float) -> str | None:
        """Add a key unless the newest is younger than this; of all processes that ask at once, one adds it."""


class PublishedKeys(Protocol):
    """The public document of the signing keys."""

    def document(self) -> tuple[bytes, str]:
        """Return the JWK Set (RFC 7517) and its ETag, as they are now."""

    def refresh(self) -> None:
        """Look at once whether another process has changed them."""


class Signer(Protocol):
    """Signs claims with the key that is current now."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact RS256 JWT with this `typ`; raise NoSigningKey."""
