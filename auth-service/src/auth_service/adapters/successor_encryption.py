"""Encryption of a refresh token's successor with the token itself, so that the database alone reveals neither."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"touchstone refresh successor v1"
_NONCE = 12


class HkdfSealer:
    """The domain's `Sealer`: AES-256-GCM under a key that HKDF-SHA256 derives from the predecessor."""

    def seal(self, predecessor: str, successor: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher(predecessor).encrypt(nonce, successor.encode(), _PURPOSE)

    def unseal(self, predecessor: str, sealed: bytes) -> str:
        """Return the successor; raise ValueError if another token sealed it, or it was changed."""
        try:
            return self._cipher(predecessor).decrypt(sealed[:_NONCE], sealed[_NONCE:], _PURPOSE).decode()
        except (InvalidTag, ValueError):
            raise ValueError("not sealed by this token") from None

    def _cipher(self, predecessor: str) -> AESGCM:
        return AESGCM(HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(predecessor.encode()))
