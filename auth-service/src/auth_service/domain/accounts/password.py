"""Passwords: their rules, and the ports that hash and judge them."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.errors import InvalidPassword

MIN_LENGTH, MAX_LENGTH = 8, 1024  # characters of the normal form
MAX_TYPED_LENGTH = 3 * MAX_LENGTH  # a decomposed character is at most three in most scripts
_BLANK = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def normal_form(password: str) -> str:
    """Return the form that is checked, hashed and compared: OpaqueString (RFC 8265 section 4.2.2).

    Every blank becomes the ASCII one and characters are composed (NFC), so keyboards make no difference. It is
    idempotent.
    """
    return unicodedata.normalize("NFC", _BLANK.sub(" ", password))


@dataclass(frozen=True, slots=True)
class PasswordMatch:
    """Whether a password fits a hash, and whether to hash it again with the present parameters."""

    fits: bool
    outdated: bool = False


class PasswordHasher(Protocol):
    """A slow hash of normal forms. Both methods raise TooBusy if too many run at once."""

    def hash(self, password: str) -> str:
        """Hash a password that passed `check_new_password`."""

    def verify(self, password_hash: str | None, password: str) -> PasswordMatch:
        """Compare; None, for an unknown account, costs the same work as a hash that does not fit.

        A hash of the password as typed, from before normal forms were hashed, fits and is outdated.
        """


PasswordStrength = Callable[[str, tuple[str, ...]], str | None]
"""A function that returns why a password is easy to guess for a person who has the given personal data, or None."""


def check_new_password(
    password: str, strength: PasswordStrength | None = None, personal: tuple[str, ...] = ()
) -> None:
    """Raise InvalidPassword unless the password has 8 to 1,024 characters, and `strength` finds no weakness."""
    normal = normal_form(password[: MAX_TYPED_LENGTH + 1])
    if not MIN_LENGTH <= len(normal) <= MAX_LENGTH or len(password) > MAX_TYPED_LENGTH:
        raise InvalidPassword(f"the password must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    try:
        normal.encode()
    except UnicodeEncodeError:
        raise InvalidPassword("the password must be valid Unicode text") from None
    weakness = strength(normal, tuple(map(normal_form, personal))) if strength else None
    if weakness is not None:
        raise InvalidPassword(weakness)
