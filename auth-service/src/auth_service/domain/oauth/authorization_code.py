"""TODO."""

from dataclasses import dataclass
from typing import Protocol

CODE_SECONDS = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for. Times are unix seconds.

    `scopes` are granted, `requested` are those that the client asked for.
    `sid` is the session that redeeming it opened; `browser_session` the digest of the one that it came from.
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
    """Where codes are kept."""

    def add(self, code: AuthorizationCode) -> None:
        """Store a new one."""

    def find_by_digest(self, digest: bytes) -> AuthorizationCode | None:
        """Find one, used or not, as it is now."""

    def mark_used(self, digest: bytes, at: float) -> bool:
        """Compare and swap: note it as used; of any number of calls for one code exactly one gives True."""

    def set_session(self, digest: bytes, sid: str) -> None:
        """Note which session the redeemed code opened."""
