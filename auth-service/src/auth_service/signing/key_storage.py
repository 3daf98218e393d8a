"""The port to where signing keys live: a folder of PEM files, or a token that never lets go of them."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth_service.domain.signing_keys import KeyName

PublicKeys = Mapping[KeyName, RSAPublicKey]
_KID = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(rf"(?P<created>[0-9]{{10}})-(?P<kid>{_KID.pattern})")


class KeyStorageUnavailable(Exception):  # noqa: N818 (a state, not a mistake)
    """The keys cannot be reached now, or this one is no more; the message says why, and no secret."""


class KeyStorage(Protocol):
    """Where signing keys live. Any number of threads and processes may use the same one at once.

    All but ``open`` raise KeyStorageUnavailable when the keys cannot be reached.
    """

    def open(self) -> None:
        """Make ready for use; raises KeyFault, by name, for whatever is not as it must be."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep every other process that shares the keys from making or removing any."""

    def keys(self) -> PublicKeys:
        """Give what is there now. What is no good is named in the log and left out."""

    def create(self, now: float) -> KeyName:
        """Make an RSA-2048 key; it is there for everybody when this returns. To be called under the lock."""

    def delete(self, birth: KeyName) -> None:
        """Take a key out for good; nothing happens when it is not there. To be called under the lock."""

    def sign(self, birth: KeyName, message: bytes) -> bytes:
        """Give the RS256 signature (RFC 7518 section 3.3) of a message under this key."""


def is_kid(text: str) -> bool:
    """Return whether this can be a key's id (RFC 7638, SHA-256): if not, the database need not be asked."""
    return _KID.fullmatch(text) is not None


def name_of(birth: KeyName) -> str:
    """Give the name that a key bears wherever it lives: when it was made, and which it is."""
    return f"{birth.created_at:010d}-{birth.kid}"


def birth_of(name: str) -> KeyName | None:
    """Read such a name; None for any other."""
    match = _NAME.fullmatch(name)
    return KeyName(int(match["created"]), match["kid"]) if match else None
