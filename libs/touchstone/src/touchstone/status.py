"""Status lists, read from untrusted list tokens (draft-ietf-oauth-status-list-21)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from math import inf
from typing import Any

from touchstone import base64url, strictjson
from touchstone.errors import BadSignature
from touchstone.jws import MAX_DEPTH, UNSUPPORTED_HEADERS, check_signature
from touchstone.keys import KeySet

MAX_LIST_BYTES = 1_048_576  # of an inflated list
_SIZES = (1, 2, 4, 8)  # bits of an entry (section 4.1)
_TYPES = ("statuslist+jwt", "application/statuslist+jwt")
_TEN_YEARS = 3652 * 24 * 3600
_NUMBERS = (int, float)


class UnknownSignerError(ValueError):
    """The list token names a key that is not in the set, perhaps because it is newer."""


@dataclass(frozen=True, slots=True)
class StatusList:
    """The status of each index; immutable: a change is another list. Times are seconds since the epoch.

    `bits` is the size of an entry (1, 2, 4 or 8), `data` holds all entries, lowest bits first. `ttl` is for how many
    seconds a copy may be used before it is fetched again. `expires_at` is infinite if the list has no `exp`.
    """

    uri: str
    bits: int
    data: bytes
    issued_at: float
    expires_at: float = inf
    ttl: float | None = None
    # Identifies these contents, so that a cache need not hold the list itself.
    stamp: object = field(default_factory=object, init=False, repr=False, compare=False)

    @classmethod
    def decode(  # noqa: PLR0913 - the fields of the list, by keyword
        cls,
        bits: object,
        lst: object,
        *,
        uri: str = "",
        issued_at: float = 0.0,
        expires_at: float = inf,
        ttl: float | None = None,
    ) -> StatusList:
        """Return the list with the members of `status_list` (section 4.2): `lst` is zlib data in base64url.

        Raise ValueError for other values of `bits`, and for a stream that is broken, incomplete, followed by more data, or
        larger than 1 MiB when inflated (no more than that is inflated).
        """
        if type(bits) is not int or bits not in _SIZES:
            raise ValueError("bits is not 1, 2, 4 or 8")
        if type(lst) is not str:
            raise ValueError("lst is not a string")
        inflating = zlib.decompressobj()
        try:
            data = inflating.decompress(base64url.decode(lst.encode("ascii")), MAX_LIST_BYTES + 1)
        except zlib.error:
            raise ValueError("lst is not zlib") from None
        if len(data) > MAX_LIST_BYTES:
            raise ValueError("the list is too large")
        if not inflating.eof or inflating.unused_data:
            raise ValueError("lst is not one whole stream")
        return cls(uri, bits, data, issued_at, expires_at, ttl)

    def get(self, index: int) -> int:
        """Return the status at `index`, 0 (valid) to 2^bits - 1; raise IndexError outside the list."""
        if index < 0:
            raise IndexError("no such index")
        byte, place = divmod(index, 8 // self.bits)
        return self.data[byte] >> place * self.bits & (1 << self.bits) - 1

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits


def read(  # noqa: PLR0913 - expected values, by keyword
    token: bytes, keys: KeySet, *, uri: str, issuer: str, now: float, leeway: float = 30
) -> StatusList:
    """Return the list of the list token (section 5.1) published at `uri`; `now` and `leeway` are in seconds.

    Raise ValueError, which repeats nothing from the token, unless it is a compact JWT of type `statuslist+jwt`,
    signed with RS256 and one of `keys` (UnknownSignerError if it names another), `sub` is `uri`, `iss` is `issuer` or
    absent, `iat` is not in the future, `exp` has not passed, `ttl` is positive if present, and `status_list` is well-formed.
    """
    signed, _, signature = token.rpartition(b".")
    header, _, payload = signed.partition(b".")
    _check_signature(_object(header), base64url.decode(signature), signed, keys)
    claims = _object(payload)
    if claims.get("sub") != uri:
        raise ValueError("sub is not the list's address")
    if claims.get("iss", issuer) != issuer:
        raise ValueError("iss is another issuer")
    issued_at, expires_at = _moment(claims.get("iat"), now), inf
    if issued_at > now + leeway:
        raise ValueError("iat is in the future")
    if "exp" in claims:
        expires_at = _moment(claims["exp"], now)
        if expires_at + leeway <= now:
            raise ValueError("the list has expired")
    ttl: Any = claims.get("ttl")
    if "ttl" in claims and not (type(ttl) in _NUMBERS and 0 < ttl < _TEN_YEARS):
        raise ValueError("ttl is not a positive number")
    members = claims.get("status_list")
    if type(members) is not dict:
        raise ValueError("status_list is missing")
    return StatusList.decode(
        members.get("bits"),
        members.get("lst"),
        uri=uri,
        issued_at=issued_at,
        expires_at=expires_at,
        ttl=None if ttl is None else float(ttl),
    )


def _check_signature(header: dict[str, Any], signature: bytes, signed: bytes, keys: KeySet) -> None:
    if header.get("alg") != "RS256":
        raise ValueError("alg is not RS256")
    if header.get("typ") not in _TYPES:
        raise ValueError("typ is not statuslist+jwt")
    if not UNSUPPORTED_HEADERS.isdisjoint(header):
        raise ValueError("the header names an unsupported extension")
    kid = header.get("kid")
    key = keys.get(kid) if type(kid) is str else None
    if key is None:
        raise UnknownSignerError("kid names no key of the issuer")
    try:
        check_signature(key.public, signature, signed)
    except BadSignature:
        raise ValueError("the signature is not valid") from None


def _object(part: bytes) -> dict[str, Any]:
    value = strictjson.loads(base64url.decode(part), max_depth=MAX_DEPTH)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


def _moment(value: Any, now: float) -> float:
    # Compared before any arithmetic: integers in JSON have any size.
    if type(value) not in _NUMBERS or not now - _TEN_YEARS < value < now + _TEN_YEARS:
        raise ValueError("a time is missing or malformed")
    return float(value)
