"""Refresh tokens as they are kept: by digest alone, with the successor sealed under the token itself."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token of a session. Times are unix seconds.

    `successor` is the digest of the token that replaced it, `sealed` that token itself, readable only
    with this one. `keep_until` is when its reuse can no longer matter.
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
    """A refresh token as it was found, and whether its successor, if any, has been used in turn."""

    token: RefreshToken
    successor_used: bool


class RefreshTokens(Protocol):
    """Where refresh tokens are kept."""

    def add(self, token: RefreshToken) -> None:
        """Keep a session's first one."""

    def find_by_digest(self, digest: bytes) -> StoredRefreshToken | None:
        """Find one, and look at its successor in the same moment."""

    def replace(self, digest: bytes, successor: RefreshToken, sealed: bytes, at: float) -> bool:
        """Compare and swap: keep the successor if this token has none yet and its session lives.

        Of any number of calls for one token exactly one gives True, whatever the processes they come from.
        """


class Sealer(Protocol):
    """Seals a successor so that only who holds the predecessor can open it."""

    def seal(self, predecessor: str, successor: str) -> bytes:
        """Encrypt with authentication, under a key that is derived from the predecessor."""

    def unseal(self, predecessor: str, sealed: bytes) -> str:
        """Return the successor back; raise ValueError for what another token sealed."""
