"""Owns the decision: is this token good, here and now? No I/O, no framework, no second opinion."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from touchstone import base64url, claims, errors, strictjson
from touchstone.cache import VerdictCache
from touchstone.claims import AccessClaims
from touchstone.keys import KeySet
from touchstone.policy import Policy

_LONGEST_TOKEN = 8192
_DEEPEST_JSON = 8
_TEN_YEARS = 3652 * 24 * 3600
_TYPES = ("at+jwt", "application/at+jwt")
_UNSUPPORTED = frozenset({"crit", "b64", "zip"})
_KNOWN_HEADERS = 64
_NUMBERS = (int, float)
_PADDING, _HASH = PKCS1v15(), SHA256()


class Verifier:
    """Verifies access tokens of one issuer for one audience (RFC 9068 section 4, RFC 8725).

    `keys` is asked at every use, so a key that it no longer holds verifies nothing any more, not even a token
    that was seen before. `now` returns seconds since the epoch. May be shared by any number of threads.
    """

    def __init__(
        self,
        policy: Policy,
        keys: Callable[[], KeySet],
        *,
        cache_size: int = 4096,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy
        self._keys = keys
        self._now = now
        self._verdicts = VerdictCache(cache_size)
        self._headers: dict[bytes, str] = {}

    def verify(self, token: str) -> AccessClaims:
        """Return the claims of a token that passes every rule.

        Raises a subclass of TokenError for every other value of any type, and nothing else but what `keys` raises.
        """
        if type(token) is not str:
            raise errors.MalformedToken
        verdict = self._verdicts.get(token)
        if verdict is None:
            return self._verify(token)
        found, key, since, until = verdict
        current = self._keys().get(key.kid)
        if since <= self._now() < until and (current is key or current == key):
            return found
        self._verdicts.discard(token)
        return self._verify(token)

    def _verify(self, token: str) -> AccessClaims:
        header, payload, signature, signed = _split(token)
        kid = self._headers.get(header) or self._read_header(header)
        key = self._keys().get(kid)
        if key is None:
            raise errors.UnknownKey
        try:
            key.public.verify(signature, signed, _PADDING, _HASH)
        except InvalidSignature:
            raise errors.BadSignature from None
        if header not in self._headers:
            self._remember_header(header, kid)
        members = _read_object(payload)
        if members.get("iss") != self.policy.issuer:
            raise errors.WrongIssuer
        since, until = self._check_times(members)
        found = claims.read(members)
        if self.policy.audience not in found.audience:
            raise errors.WrongAudience
        self._verdicts.put(token, (found, key, since, until))
        return found

    def _read_header(self, encoded: bytes) -> str:
        try:
            header = _read_object(base64url.decode(encoded))
        except ValueError:
            raise errors.MalformedToken from None
        if header.get("alg") != self.policy.algorithm:
            raise errors.WrongAlgorithm
        if header.get("typ") not in _TYPES:
            raise errors.WrongType
        if not _UNSUPPORTED.isdisjoint(header):
            raise errors.UnsupportedHeader
        kid = header.get("kid")
        if type(kid) is not str:
            raise errors.UnknownKey
        return kid

    def _remember_header(self, encoded: bytes, kid: str) -> None:
        # All tokens of one key share one header. Only headers that the issuer has signed come this far.
        if len(self._headers) >= _KNOWN_HEADERS:
            self._headers.clear()
        self._headers[encoded] = kid

    def _check_times(self, members: dict[str, Any]) -> tuple[float, float]:
        """Return the times from and until which a fresh look would say yes again."""
        now, leeway = self._now(), self.policy.leeway
        issued: Any = members.get("iat")
        expires: Any = members.get("exp")
        begins: Any = members.get("nbf", issued)
        if type(issued) not in _NUMBERS or type(expires) not in _NUMBERS or type(begins) not in _NUMBERS:
            raise errors.MalformedClaims
        # Compared before they are reckoned with: JSON's integers have any size.
        if not now - leeway < expires < now + _TEN_YEARS:
            raise errors.ExpiredToken if now - _TEN_YEARS < expires < now else errors.MalformedClaims
        first, since = (begins, issued) if begins < issued else (issued, begins)
        if not (now - _TEN_YEARS < first and since <= now + leeway):
            raise errors.NotYetValid if now < since < now + _TEN_YEARS else errors.MalformedClaims
        # What lives for years is looked at afresh each time: its ten years may end before it does.
        return since - leeway, expires + leeway if expires - first < _TEN_YEARS / 2 else since - leeway


def _split(token: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the header still encoded, payload and signature decoded, and the bytes that were signed."""
    if len(token) > _LONGEST_TOKEN:
        raise errors.MalformedToken
    try:
        raw = token.encode("ascii")
        signed, _, signature = raw.rpartition(b".")
        header, _, payload = signed.partition(b".")  # a third dot would be no base64url
        return header, base64url.decode(payload), base64url.decode(signature), signed
    except ValueError:
        raise errors.MalformedToken from None


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        value = strictjson.loads(text, max_depth=_DEEPEST_JSON)
    except ValueError:
        raise errors.MalformedToken from None
    if type(value) is not dict:
        raise errors.MalformedToken
    return value
