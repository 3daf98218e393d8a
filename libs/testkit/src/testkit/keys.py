"""RSA keys for tests, made once per process, and their JWKs."""

import base64
import hashlib
import json
import string
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"  # of base64url


def b64(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def make_rsa(bits: int = 2048, exponent: int = 65537, which: int = 0) -> RSAPrivateKey:  # noqa: ARG001 - part of the cache's key
    """Return a private key, the same one for the same arguments."""
    return generate_private_key(public_exponent=exponent, key_size=bits)


def write_client_key(keys_dir: Path, client_id: str) -> None:
    """Write a private key for a confidential client to a folder of keys, in the form of `make keys`."""
    folder = keys_dir / "clients"
    folder.mkdir(exist_ok=True)
    pem = make_rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{client_id}.pem").write_bytes(pem)


def _int(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def thumbprint(public: RSAPublicKey) -> str:
    """Return the key's RFC 7638 thumbprint, our `kid`."""
    numbers = public.public_numbers()
    members = {"e": _int(numbers.e), "kty": "RSA", "n": _int(numbers.n)}
    return b64(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def jwk(public: RSAPublicKey, **overrides: Any) -> dict[str, Any]:
    """Return the key as our JWKS shows it; an override of None leaves the member out."""
    numbers = public.public_numbers()
    members = {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": thumbprint(public),
        "n": _int(numbers.n),
        "e": _int(numbers.e),
    } | overrides
    return {name: value for name, value in members.items() if value is not None}
