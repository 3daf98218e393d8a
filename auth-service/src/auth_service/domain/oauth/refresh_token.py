"""Refresh tokens: stored by digest, with the successor encrypted under the token itself."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token of a session. Times are Unix seconds.

    `successor` is the digest of the token that replaced it, `sealed` that token, readable only with this one. After
    `keep_until` its reuse no longer matters.
    """

    digest: bytes
    sid: str
    expires_at: float
    keep_until: float
    used_at: float | None = None
    successor: bytes | None = None
    sealed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredRefreshToken:
    """A refresh token, and whether its successor has been used in turn."""

    token: RefreshToken
    successor_used: bool


class RefreshTokens(Protocol):
    """Repository of refresh tokens."""

    def add(self, token: RefreshToken) -> None:
        """Store the first token of a session."""

    def find_by_digest(self, digest: bytes) -> StoredRefreshToken | None:
        """Return the token with this digest and the state of its successor, or None."""

    def replace(self, digest: bytes, successor: RefreshToken, sealed: bytes, at: float) -> bool:
        """Compare and swap: store the successor if this token has none and its session lives.

        Of any number of calls for one token, from any process, exactly one returns True.
        """


class Sealer(Protocol):
    """Encrypts a successor so that only the holder of the predecessor can read it."""

    def seal(self, predecessor: str, successor: str) -> bytes:
        """Encrypt with authentication, under a key derived from the predecessor."""

    def unseal(self, predecessor: str, sealed: bytes) -> str:
        """Return the successor; raise ValueError if another token sealed it."""
