"""The one place where tokens are put together: PyJWT's form, and whoever holds the key for the signature."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jwt import PyJWS
from jwt.algorithms import RSAAlgorithm

ALGORITHM = "RS256"
Sign = Callable[[bytes], bytes]


class _HeldElsewhere(RSAAlgorithm):
    """RS256 under a key that is not here: what PyJWT takes for the key is the function that signs."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def check_key_length(self, key: Any) -> None:  # noqa: ARG002 (a vault has no smaller ones)
        return None

    def sign(self, msg: bytes, key: Any) -> bytes:
        signature: bytes = key(msg)
        return signature


def _jws() -> PyJWS:
    jws = PyJWS(algorithms=[])
    jws.register_algorithm(ALGORITHM, _HeldElsewhere(RSAAlgorithm.SHA256))
    return jws


_JWS = _jws()


def compact(claims: Mapping[str, object], *, kid: str, typ: str, sign: Sign) -> str:
    """Give a JWT in its compact form (RFC 7515 section 3.1); what ``sign`` raises passes through."""
    payload = json.dumps(dict(claims), separators=(",", ":"), allow_nan=False).encode()
    key: Any = sign
    return _JWS.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": typ})
