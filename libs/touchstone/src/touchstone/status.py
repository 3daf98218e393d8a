"""Owns status lists: from an untrusted list token to bits that can be asked (draft-ietf-oauth-status-list-21)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from math import inf
from typing import Any

from touchstone import base64url, strictjson
from touchstone.errors import BadSignature
from touchstone.jws import check_signature
from touchstone.keys import KeySet

LARGEST = 1_048_576  # bytes of an inflated list
_SIZES = (1, 2, 4, 8)  # bits of an entry (section 4.1)
_TYPES = ("statuslist+jwt", "application/statuslist+jwt")
_UNSUPPORTED = frozenset({"crit", "b64", "zip"})
_DEEPEST_JSON = 8
_TEN_YEARS = 3652 * 24 * 3600
_NUMBERS = (int, float)


class UnknownSignerError(ValueError):
    """The list token names a key that is not in the set; perhaps one that is newer than the set."""


@dataclass(frozen=True, slots=True)
class StatusList:
    """The status of each index; immutable: a change is another list. Times are seconds since the epoch.

    `bits` is the size of an entry (1, 2, 4 or 8), `data` all entries, lowest bits first; `ttl` (seconds) is how long
    the issuer lets a copy go unasked, `expires_at` is infinite where the list names no end.
    """

    uri: str
    bits: int
    data: bytes
    issued_at: float
    expires_at: float = inf
    ttl: float | None = None
    # Stands for these very contents where keeping them would be too much.
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
        """Make a list of the members of `status_list` (section 4.2), which are zlib in base64url.

        Raises ValueError for anything else: bits of another number, a stream that is broken, not complete, followed
        by more, or that inflates to more than 1 MiB (of which no more than that is inflated).
        """
        if type(bits) is not int or bits not in _SIZES:
            raise ValueError("bits is not 1, 2, 4 or 8")
        if type(lst) is not str:
            raise ValueError("lst is not a string")
        inflating = zlib.decompressobj()
        try:
            data = inflating.decompress(base64url.decode(lst.encode("ascii")), LARGEST + 1)
        except zlib.error:
            raise ValueError("lst is not zlib") from None
        if len(data) > LARGEST:
            raise ValueError("the list is too large")
        if not inflating.eof or inflating.unused_data:
            raise ValueError("lst is not one whole stream")
        return cls(uri, bits, data, issued_at, expires_at, ttl)

    def get(self, index: int) -> int:
        """Return the status at `index`, 0 (valid) to 2^bits - 1; raise IndexError outside of the list."""
        if index < 0:
            raise IndexError("no such index")
        byte, place = divmod(index, 8 // self.bits)
        return self.data[byte] >> place * self.bits & (1 << self.bits) - 1

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits


def read(  # noqa: PLR0913 - what the list is measured against, by keyword
    token: bytes, keys: KeySet, *, uri: str, issuer: str, now: float, leeway: float = 30
) -> StatusList:
    """Read the list token (section 5.1) that the issuer publishes at `uri`; `now` and `leeway` are in seconds.

    Raises ValueError, whose words never repeat the token's, unless it is a compact JWT of type `statuslist+jwt`,
    signed with RS256 and one of `keys` (UnknownSignerError if it names another), `sub` is the uri, `iss` the issuer or
    absent, `iat` not in the future, `exp` not over and `ttl` positive if present, and `status_list` well-formed.
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
    if not _UNSUPPORTED.isdisjoint(header):
        raise ValueError("the header asks for an extension")
    kid = header.get("kid")
    key = keys.get(kid) if type(kid) is str else None
    if key is None:
        raise UnknownSignerError("kid names no key of the issuer")
    try:
        check_signature(key.public, signature, signed)
    except BadSignature:
        raise ValueError("the signature does not hold") from None


def _object(part: bytes) -> dict[str, Any]:
    value = strictjson.loads(base64url.decode(part), max_depth=_DEEPEST_JSON)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


def _moment(value: Any, now: float) -> float:
    # Compared before it is reckoned with: JSON's integers have any size.
    if type(value) not in _NUMBERS or not now - _TEN_YEARS < value < now + _TEN_YEARS:
        raise ValueError("a time is missing or malformed")
    return float(value)
