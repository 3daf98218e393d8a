"""Public keys as JSON: JWK, its RFC 7638 thumbprint, and the JWK Set."""

import base64
import hashlib
import json
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def thumbprint(key: RSAPublicKey) -> str:
    """Return the key's id: SHA-256 over its required members in order (RFC 7638 section 3)."""
    required = json.dumps(_members(key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(required.encode()).digest())


def jwk_set(keys: Iterable[tuple[str, RSAPublicKey]]) -> bytes:
    """Return the document (RFC 7517 section 5), the same bytes for the same keys in the same order."""
    entries = [_members(key) | {"kid": kid, "use": "sig", "alg": "RS256"} for kid, key in keys]
    return json.dumps({"keys": entries}, separators=(",", ":")).encode()


def _members(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
