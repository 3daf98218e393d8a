"""The compact serialization of a signed JWT (RFC 7515 section 7.1, RFC 7519): read strictly, RS256 alone."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from touchstone import base64url, errors, strictjson

MAX_TOKEN_LENGTH = 8192
MAX_DEPTH = 8
UNSUPPORTED_HEADERS = frozenset({"crit", "b64", "zip"})
_PADDING = PKCS1v15()
_SHA256_INFO = bytes.fromhex(
    "3031300d060960864801650304020105000420"
)  # before the digest (RFC 8017 section 9.2)


def split(token: str, longest: int = MAX_TOKEN_LENGTH) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the header still encoded, payload and signature decoded, and the bytes that were signed.

    Raise MalformedToken for more than `longest` characters, and unless there are three parts in canonical base64url.
    """
    if len(token) > longest:
        raise errors.MalformedToken
    try:
        raw = token.encode("ascii")
        header, _, rest = raw.partition(b".")
        payload, signature = base64url.decode_pair(rest)  # a third dot is no base64url character
        return header, payload, signature, raw[: raw.rfind(b".")]
    except ValueError:
        raise errors.MalformedToken from None


def read_object(text: bytes) -> dict[str, Any]:
    """Return a JSON object of at most 8 levels without repeated members; raise MalformedToken for anything else."""
    try:
        value = strictjson.loads(text, max_depth=MAX_DEPTH)
    except ValueError:
        raise errors.MalformedToken from None
    if type(value) is not dict:
        raise errors.MalformedToken
    return value


def read_header(
    encoded: bytes, types: tuple[str, ...], algorithm: str = "RS256", *, untyped: str = ""
) -> dict[str, Any]:
    """Return the header of a token of one of these types; its signature remains to be checked.

    `untyped` is the type of a token without `typ`. Raise MalformedToken, WrongAlgorithm, WrongType or
    UnsupportedHeader.
    """
    try:
        header = read_object(base64url.decode(encoded))
    except ValueError:
        raise errors.MalformedToken from None
    if header.get("alg") != algorithm:
        raise errors.WrongAlgorithm
    if header.get("typ", untyped) not in types:
        raise errors.WrongType
    if not UNSUPPORTED_HEADERS.isdisjoint(header):
        raise errors.UnsupportedHeader
    return header


def check_signature(public: RSAPublicKey, signature: bytes, signed: bytes) -> None:
    """Raise BadSignature unless this is the RS256 signature of these bytes (RFC 8017 section 8.2.2).

    The encoding that was signed is recovered and compared as a whole: the same verdict as that of `public.verify` in
    less time, because `verify` takes long to set up.
    """
    try:
        encoded = public.recover_data_from_signature(signature, _PADDING, None)
    except InvalidSignature:
        raise errors.BadSignature from None
    # The length is checked too, as `verify` does: a signature without its leading zeros is the same number.
    if encoded != _SHA256_INFO + sha256(signed).digest() or len(signature) * 8 < public.key_size:
        raise errors.BadSignature


def verified_claims(
    token: str,
    types: tuple[str, ...],
    key: Callable[[dict[str, Any]], RSAPublicKey | None],
    *,
    untyped: str = "",
    longest: int = MAX_TOKEN_LENGTH,
) -> dict[str, Any]:
    """Return the claims of an RS256 token of one of these types; the caller judges their values.

    `key` returns the public key for a header, or None. Raises a subclass of TokenError.
    """
    encoded, payload, signature, signed = split(token, longest)
    public = key(read_header(encoded, types, untyped=untyped))
    if public is None:
        raise errors.UnknownKey
    check_signature(public, signature, signed)
    return read_object(payload)
