"""Authorization codes (RFC 6749 section 4.1); only their digests are stored."""

from dataclasses import dataclass
from typing import Protocol

CODE_SECONDS = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """One code and what it grants. Times are Unix seconds.

    `scopes` are granted, `requested` are those that the client asked for. `sid` is the session that was opened with it,
    `browser_session` the digest of the browser session that it was issued in.
    """

    digest: bytes
    client_id: str
    sub: str
    redirect_uri: str
    scopes: frozenset[str]
    audiences: tuple[str, ...]
    code_challenge: str
    methods: tuple[str, ...]
    auth_time: float
    expires_at: float
    requested: frozenset[str] = frozenset()
    nonce: str | None = None
    browser_session: bytes | None = None
    used_at: float | None = None
    sid: str | None = None


class AuthorizationCodes(Protocol):
    """Repository of authorization codes."""

    def add(self, code: AuthorizationCode) -> None:
        """Store a new code."""

    def find_by_digest(self, digest: bytes) -> AuthorizationCode | None:
        """Return the code with this digest, used or not, or None."""

    def mark_used(self, digest: bytes, at: float) -> bool:
        """Compare and swap: of any number of calls for one code exactly one returns True."""

    def set_session(self, digest: bytes, sid: str) -> None:
        """Record the session that was opened with the code."""
