"""The issuer's public keys by `kid`, and why others were refused (RFC 7517)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from touchstone import base64url, strictjson
from touchstone.claims import is_identifier

_MIN_BITS, _MAX_BITS = 2048, 8192  # above the upper bound a verification takes too long
_EXPONENT = 65537
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """One RSA public key with its `kid`. Two keys are equal if `kid` and numbers are."""

    kid: str
    public: RSAPublicKey


class KeySet:
    """The keys that verify tokens; immutable. `refused` lists `(kid or None, reason)`."""

    __slots__ = ("_keys", "get", "refused")

    def __init__(self, keys: Mapping[str, Key], refused: tuple[tuple[str | None, str], ...] = ()) -> None:
        self._keys = dict(keys)
        self.get: Callable[[str], Key | None] = self._keys.get  # the key with that `kid`, or None
        self.refused = refused

    @classmethod
    def from_jwks(cls, document: bytes | str | Mapping[str, object]) -> KeySet:
        """Return the keys of a JWK Set (RFC 7517 section 5): of its text, or of the dictionary read from it.

        Raise ValueError if the document is no JWK Set. A key that may not verify access tokens is refused by itself;
        of two keys with the same `kid` both are.
        """
        parsed = strictjson.loads(document) if isinstance(document, bytes | str) else document
        listed = parsed.get("keys") if isinstance(parsed, Mapping) else None
        if not isinstance(listed, list):
            raise ValueError("not a JWK Set")  # noqa: TRY004 - the document's fault, not the caller's type
        good: list[Key] = []
        refused: list[tuple[str | None, str]] = []
        for entry in listed:
            try:
                good.append(_read(entry))
            except ValueError as reason:
                kid = entry.get("kid") if isinstance(entry, dict) else None
                refused.append((kid if isinstance(kid, str) else None, str(reason)))
        names = Counter(key.kid for key in good)
        refused += [(kid, "kid is not unique") for kid, times in names.items() if times > 1]
        return cls({key.kid: key for key in good if names[key.kid] == 1}, tuple(refused))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self._keys == other._keys

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __repr__(self) -> str:
        return f"KeySet({', '.join(self._keys)})"


def _read(entry: object) -> Key:
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the document's fault, not the caller's type
    kid, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    rules = (
        (is_identifier(kid), "kid is missing or malformed"),
        (entry.get("kty") == "RSA", "kty is not RSA"),
        (entry.get("use", "sig") == "sig", "use is not sig"),
        (isinstance(operations, list) and "verify" in operations, "key_ops lacks verify"),
        (entry.get("alg", "RS256") == "RS256", "alg is not RS256"),
        (not _PRIVATE & entry.keys(), "a private key is published"),
    )
    for holds, reason in rules:
        if not holds:
            raise ValueError(reason)
    modulus, exponent = _number(entry.get("n")), _number(entry.get("e"))
    if not _MIN_BITS <= modulus.bit_length() <= _MAX_BITS:
        raise ValueError(f"modulus is not {_MIN_BITS} to {_MAX_BITS} bits long")
    if modulus % 2 == 0:
        raise ValueError("modulus is even")
    if exponent != _EXPONENT:
        raise ValueError(f"e is not {_EXPONENT}")
    return Key(cast("str", kid), RSAPublicNumbers(exponent, modulus).public_key())


def _number(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("n or e is missing")  # noqa: TRY004 - the document's fault, not the caller's type
    try:
        return int.from_bytes(base64url.decode(value.encode("ascii")), "big")
    except ValueError:
        raise ValueError("n or e is not base64url") from None
