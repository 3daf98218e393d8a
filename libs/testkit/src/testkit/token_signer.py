"""Signs access tokens as auth-service does, and any malformed ones a test needs."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from testkit.keys import b64, jwk, make_rsa, thumbprint

MISSING: Final = object()  # an override of this leaves the member out
NamedTokens = Iterator[tuple[str, str]]  # (a sentence about the token, the token)


def override(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with members replaced by `overrides`; MISSING leaves one out."""
    return {name: value for name, value in {**base, **overrides}.items() if value is not MISSING}


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def kid_of(token: str) -> str:
    """Return the key ID in the header of a token, unverified."""
    return str(jwt.get_unverified_header(token)["kid"])


class TokenSigner:
    """Signs RFC 9068 access tokens with the claims of auth-service, in the name of `issuer`."""

    def __init__(
        self,
        issuer: str = "http://localhost:8080",
        key: RSAPrivateKey | None = None,
        now: Callable[[], float] = time.time,
        *,
        audience: str | list[str] = "orders-service",
        kid: str | None = None,
    ) -> None:
        self.issuer = issuer
        self.key = key or make_rsa()
        self.now = now
        self.audience = audience
        self.kid = kid or thumbprint(self.key.public_key())

    @classmethod
    def from_keys_dir(
        cls, keys_dir: Path, issuer: str, audience: str | list[str], kid: str | None = None
    ) -> "TokenSigner":
        """Return a signer with a signing key of a cluster's folder: the one of this `kid`, by default the oldest."""
        file = min((keys_dir / "signing").glob(f"*-{kid}.pem" if kid else "*.pem"))
        key = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError(f"{file.name} holds no RSA key")
        return cls(issuer, key, audience=audience)

    def claims(self, **overrides: Any) -> dict[str, Any]:
        """Return the claims of a valid token that lives 5 minutes; MISSING as a value leaves a claim out.

        `status=7` is replaced by the reference to index 7 of the issuer's first status list (see `status`).
        """
        now = int(self.now())
        base = {
            "iss": self.issuer,
            "sub": "4be2ba4f-1f2a-4b1c-a7ac-6b2d0f2f7c11",
            "aud": self.audience,
            "exp": now + 300,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "client_id": "cli",
            "scope": "profile:read profile:write orders:read orders:write",
            "roles": ["customer"],
            "sid": "a-session-of-the-tests",
            "auth_time": now,
        }
        index = overrides.get("status")
        if type(index) is int:
            overrides["status"] = self.status(index)
        return override(base, overrides)

    def status(self, index: int, number: int = 1) -> dict[str, Any]:
        """Return the `status` claim for an index of one of the issuer's status lists."""
        return {"status_list": {"idx": index, "uri": f"{self.issuer}/status-lists/{number}"}}

    def header(self, **overrides: Any) -> dict[str, Any]:
        """Return the header of a valid token."""
        return override({"alg": "RS256", "typ": "at+jwt", "kid": self.kid}, overrides)

    def sign(self, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None) -> str:
        """Return a signed token with these claims (default: valid ones); `header` overrides members of the header."""
        body = self.claims() if claims is None else claims
        return self.sign_raw(encode(self.header(**(header or {}))), encode(body))

    def unsigned(self, **header: Any) -> str:
        """Return the first two parts of a valid token; `header` overrides members of its header."""
        return f"{b64(encode(self.header(**header)))}.{b64(encode(self.claims()))}"

    def sign_raw(self, header: bytes, payload: bytes) -> str:
        """Return a token over exactly these bytes, with a genuine RS256 signature."""
        signed = f"{b64(header)}.{b64(payload)}"
        return f"{signed}.{b64(self.key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def jwks(self, *others: "TokenSigner") -> dict[str, Any]:
        """Return the JWK Set of this signer's key and those of `others`."""
        return {"keys": [jwk(each.key.public_key(), kid=each.kid) for each in (self, *others)]}


def encode(value: Any) -> bytes:
    """Return compact JSON; NaN and Infinity pass, as a careless issuer would write them."""
    return json.dumps(value, separators=(",", ":")).encode()
