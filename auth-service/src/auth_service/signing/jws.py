"""The compact form of JWTs: PyJWT writes it, and a function of the key storage signs."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jwt import PyJWS
from jwt.algorithms import RSAAlgorithm

ALGORITHM = "RS256"
Sign = Callable[[bytes], bytes]


class _HeldElsewhere(RSAAlgorithm):
    """RS256 where PyJWT's key is a function that signs."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def check_key_length(self, key: Any) -> None:  # noqa: ARG002 - a key storage has no smaller keys
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
    """Return a JWT in its compact form (RFC 7515 section 3.1); exceptions of `sign` pass through."""
    payload = json.dumps(dict(claims), separators=(",", ":"), allow_nan=False).encode()
    key: Any = sign
    return _JWS.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": typ})
