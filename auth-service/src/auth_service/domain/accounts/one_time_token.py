"""One-time tokens and codes: random values that are mailed, of which only digests are kept."""

import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; case does not matter
CODE_LENGTH = 8  # 34.5 bits: five tries are nothing against it
TRIES = 5


class Purpose(StrEnum):
    """What a mailed token is for; none opens what another was mailed for."""

    MAGIC_LINK = "magic_link"
    MAGIC_CODE = "magic_code"
    VERIFICATION = "verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, no secret


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """One mailed token or code, by its digest. Times are unix seconds.

    `sub` is None when nothing was mailed, because the address has no account. `binding_digest` names what has to
    be shown beside it.
    """

    digest: bytes
    purpose: str
    email: str
    sub: str | None
    expires_at: float
    binding_digest: bytes | None = None
    tries_left: int = TRIES
    used_at: float | None = None

    def live(self, now: float) -> bool:
        """Neither used nor expired."""
        return self.used_at is None and now < self.expires_at


class OneTimeTokens(Protocol):
    """Where they are kept."""

    def add(self, *tokens: OneTimeToken) -> None:
        """Keep new ones."""

    def get(self, digest: bytes) -> OneTimeToken | None:
        """Find by digest."""

    def find_by_binding(self, purpose: str, email: str, binding_digest: bytes) -> OneTimeToken | None:
        """Find the one for this address and binding."""

    def count_unexpired(self, purpose: str, email: str, now: float) -> int:
        """Count those for this address that have not expired, used ones too."""

    def mark_used(self, digest: bytes, at: float) -> bool:
        """Compare and swap: of any number of calls exactly one gives True, and none after it has expired."""

    def take_try(self, digest: bytes, at: float) -> bool:
        """Use up one of its tries; False when none is left, or it is used or expired."""


def new_code() -> str:
    """Make eight letters, `BCDF-GHJK`, that are easily typed."""
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    return f"{code[:4]}-{code[4:]}"


def normalise_code(typed: str) -> str:
    """Return what was meant, however it was typed."""
    return "".join(typed.split()).replace("-", "").upper()[: CODE_LENGTH * 2]


def code_digest(binding: str, email: str, code: str) -> bytes:
    """HMAC-SHA256 under the binding, which is not kept either: the database alone gives no code away."""
    text = f"{email}\n{normalise_code(code)}".encode(errors="surrogatepass")
    return hmac.digest(binding.encode(errors="surrogatepass"), text, sha256)
