"""One-time tokens and codes that are mailed; only their digests are stored."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

from auth_service.domain.opaque_tokens import TYPED_LENGTH

TRIES = 5


class Purpose(StrEnum):
    """What a token was mailed for; it is valid for nothing else."""

    MAGIC_LINK = "magic_link"
    MAGIC_CODE = "magic_code"
    VERIFICATION = "verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, no secret


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """One token or code, by its digest. Times are Unix seconds.

    `sub` is None if no mail was sent, because the address has no account. `binding_digest` is that of a value that has
    to be presented with it.
    """

    digest: bytes
    purpose: str
    email: str
    sub: str | None
    expires_at: float
    binding_digest: bytes | None = None
    tries_left: int = TRIES
    used_at: float | None = None

    def is_active(self, now: float) -> bool:
        """Return whether it is neither used nor expired."""
        return self.used_at is None and now < self.expires_at


class OneTimeTokens(Protocol):
    """Repository of one-time tokens."""

    def add(self, *tokens: OneTimeToken) -> None:
        """Store new tokens."""

    def get(self, digest: bytes) -> OneTimeToken | None:
        """Return the token with this digest, or None."""

    def find_by_binding(self, purpose: str, email: str, binding_digest: bytes) -> OneTimeToken | None:
        """Return the token for this address and binding, or None."""

    def count_unexpired(self, purpose: str, email: str, now: float) -> int:
        """Return how many for this address have not expired, used ones included."""

    def mark_used(self, digest: bytes, at: float) -> bool:
        """Compare and swap: of any number of calls exactly one returns True, and none after the token expired."""

    def take_try(self, digest: bytes, at: float) -> bool:
        """Count one attempt; return False if none is left, or the token is used or expired."""


def normalise_code(typed: str) -> str:
    """Return a typed code without blanks and hyphens, in upper case."""
    return "".join(typed.split()).replace("-", "").upper()[: TYPED_LENGTH * 2]


def code_digest(binding: str, email: str, code: str) -> bytes:
    """Return the HMAC-SHA256 under the binding, which is not stored, so the database alone reveals no code."""
    text = f"{email}\n{normalise_code(code)}".encode(errors="surrogatepass")
    return hmac.digest(binding.encode(errors="surrogatepass"), text, sha256)
