"""The port to the storage of signing keys: a folder of PEM files, or a PKCS#11 token that never reveals them."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth_service.domain.signing_keys import KeyName

PublicKeys = Mapping[KeyName, RSAPublicKey]
_KID = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(rf"(?P<created>[0-9]{{10}})-(?P<kid>{_KID.pattern})")


class KeyStorageUnavailable(Exception):  # noqa: N818 - a state, not a mistake
    """The keys cannot be used now, or this key was removed; the message says why, without a secret."""


class KeyStorage(Protocol):
    """Storage of signing keys; any number of threads and processes may use the same one at once.

    All methods but `open` raise KeyStorageUnavailable if the storage cannot be used.
    """

    def open(self) -> None:
        """Prepare for use; raise KeyFault, which names the fault."""

    def locked(self) -> AbstractContextManager[None]:
        """Hold the lock under which keys are created and deleted, across processes."""

    def keys(self) -> PublicKeys:
        """Return the public keys; bad keys are logged and left out."""

    def create(self, now: float) -> KeyName:
        """Create an RSA-2048 key, visible to all processes on return. To be called under the lock."""

    def delete(self, key_name: KeyName) -> None:
        """Delete a key, if it exists. To be called under the lock."""

    def sign(self, key_name: KeyName, message: bytes) -> bytes:
        """Return the RS256 signature (RFC 7518 section 3.3) of a message under this key."""


def is_kid(text: str) -> bool:
    """Return whether this can be a key's id (RFC 7638, SHA-256)."""
    return _KID.fullmatch(text) is not None


def name_of(key_name: KeyName) -> str:
    """Return the name under which a key is stored: its time of creation and its id."""
    return f"{key_name.created_at:010d}-{key_name.kid}"


def parse_name(name: str) -> KeyName | None:
    """Return the parsed name, None if it is no key's."""
    match = _NAME.fullmatch(name)
    return KeyName(int(match["created"]), match["kid"]) if match else None
