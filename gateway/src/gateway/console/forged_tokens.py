"""What an attacker can make of a valid access token without the issuer's key."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from touchstone import base64url
from touchstone.jws import read_object

YEAR_SECONDS = 365 * 86_400
Members = Mapping[str, Any]


class Parts(NamedTuple):
    """Header and claims of a token, decoded, and its signature in base64url."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: str


def parts_of(token: str) -> Parts:
    """Return the parts of a well-formed token, which is not verified."""
    header, claims, signature = token.split(".")
    return Parts(_decoded(header), _decoded(claims), signature)


def unsigned(token: str, _key: RSAPublicKey) -> str:
    """Return the token without a signature (`none`, RFC 7519 section 6)."""
    header, claims, _ = parts_of(token)
    return f"{_text({**header, 'alg': 'none'}, claims)}."


def signed_with_public_key(token: str, key: RSAPublicKey) -> str:
    """Return the token with an HMAC whose secret is the issuer's public key (RFC 8725 section 2.1)."""
    header, claims, _ = parts_of(token)
    text = _text({**header, "alg": "HS256"}, claims)
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{text}.{_b64(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def signed_by_another_key(token: str, _key: RSAPublicKey) -> str:
    """Return the token with a valid signature of a key that the issuer does not have."""
    header, claims, _ = parts_of(token)
    text = _text({**header, "kid": secrets.token_urlsafe(32)}, claims)
    return f"{text}.{_b64(_own_key().sign(text.encode(), PKCS1v15(), SHA256()))}"


def tampered(token: str, _key: RSAPublicKey) -> str:
    """Return the token with a longer life and one more role, under the old signature."""
    header, claims, signature = parts_of(token)
    changed = {"exp": claims["exp"] + YEAR_SECONDS, "roles": [*claims.get("roles", ()), "owner"]}
    return f"{_text(header, {**claims, **changed})}.{signature}"


@cache
def _own_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)  # once per process, as it takes a while


def _text(header: Members, claims: Members) -> str:
    return ".".join(_b64(json.dumps(each, separators=(",", ":")).encode()) for each in (header, claims))


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> dict[str, Any]:
    return read_object(base64url.decode(part.encode()))
