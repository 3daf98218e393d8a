"""The whole check of an access token (RFC 9068 section 4, RFC 8725 section 3), without I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, cast

from touchstone import arguments, claims, errors
from touchstone.cache import VerdictCache
from touchstone.claims import AccessClaims, StatusReference
from touchstone.jws import check_signature, read_header, read_object, split
from touchstone.keys import Key, KeySet
from touchstone.policy import Policy
from touchstone.status import StatusList

_TEN_YEARS = 3652 * 24 * 3600  # seconds
_TYPES = ("at+jwt", "application/at+jwt")
_MAX_HEADERS = 64
_NUMBERS = (int, float)


class Verifier:
    """Verifies access tokens of one issuer by a policy. May be shared by any number of threads.

    `keys` is called for every token, so that a key that it no longer returns verifies nothing, not even a token
    verified before. `lists` is called with the URI of a token's status list and returns the current one; it raises
    UnknownStatus if the issuer has no such list, StatusUnavailable if it was not obtained yet. Without `lists` a token
    with a status is refused. `now` returns seconds since the epoch. Raises ValueError for an invalid argument.
    """

    def __init__(
        self,
        policy: Policy,
        keys: Callable[[], KeySet],
        *,
        lists: Callable[[str], StatusList] | None = None,
        cache_size: int = 4096,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(policy, Policy):
            raise ValueError("policy must be a Policy")  # noqa: TRY004 - one error for every bad argument
        arguments.function("keys", keys)
        arguments.function("lists", lists or _no_list)
        arguments.function("now", now)
        self.policy = policy
        self._audiences = policy.audiences
        self._keys = keys
        self._lists = lists or _no_list
        self._now = now
        self._verdicts = VerdictCache(cache_size)
        self._headers: dict[bytes, str] = {}

    def verify(self, token: str) -> AccessClaims:
        """Return the claims of a valid token.

        Raises a subclass of TokenError for any other value of any type, StatusUnavailable if its status list has
        expired, and besides these only what `keys` and `lists` raise.
        """
        if type(token) is not str:
            raise errors.MalformedToken
        verdict = self._verdicts.get(token)
        if verdict is None:
            return self._verify(token)
        found, key, since, until, uri, stamp = verdict
        current = self._keys().get(key.kid)
        if since <= self._now() < until and (current is key or current == key):
            # In the same list the status is unchanged; in a new one it must be looked up.
            if uri is None or self._lists(uri).stamp is stamp:
                return found
            return self._check_status(token, found, key, since, found.expires_at + self.policy.leeway)
        self._verdicts.discard(token)
        return self._verify(token)

    def _verify(self, token: str) -> AccessClaims:
        """Check form, header, key, signature, issuer, times, claims, audience and status, in this order."""
        header, payload, signature, signed = split(token)
        known = self._headers.get(header)
        kid = self._read_header(header) if known is None else known
        key = self._keys().get(kid)
        if key is None:
            raise errors.UnknownKey
        check_signature(key.public, signature, signed)
        if known is None:
            self._cache_header(header, kid)
        members = read_object(payload)
        issuer = self.policy.issuer
        if members.get("iss") != issuer:
            raise errors.WrongIssuer
        since, until = self._check_times(members)
        found = claims.read(members, payload, issuer)
        if self._audiences.isdisjoint(found.audience):
            raise errors.WrongAudience
        uri = None if found.status is None else found.status.uri
        # Cached before its status is looked up: that may change, the rest does not.
        self._verdicts.put(token, (found, key, since, until, uri, None))
        return found if uri is None else self._check_status(token, found, key, since, until)

    def _check_status(
        self, token: str, found: AccessClaims, key: Key, since: float, until: float
    ) -> AccessClaims:
        """Return the claims if their status is valid now, and cache in which list that was."""
        status = cast("StatusReference", found.status)
        listed = self._lists(status.uri)
        expires = listed.expires_at + self.policy.leeway
        if self._now() >= expires:
            raise errors.StatusUnavailable(status.uri)
        try:
            value = listed.get(status.index)
        except IndexError:
            raise errors.UnknownStatus from None
        if value:
            raise errors.RevokedToken
        self._verdicts.put(token, (found, key, since, min(until, expires), status.uri, listed.stamp))
        return found

    def _read_header(self, encoded: bytes) -> str:
        header = read_header(encoded, _TYPES, self.policy.algorithm)
        kid = header.get("kid")
        if type(kid) is not str:
            raise errors.UnknownKey
        return kid

    def _cache_header(self, encoded: bytes, kid: str) -> None:
        # All tokens of one key share one header. Only headers that the issuer has signed are cached.
        if len(self._headers) >= _MAX_HEADERS:
            self._headers.clear()
        self._headers[encoded] = kid

    def _check_times(self, members: dict[str, Any]) -> tuple[float, float]:
        """Return the times from and until which `iat`, `exp` and `nbf` are valid."""
        now, leeway = self._now(), self.policy.leeway
        issued: Any = members.get("iat")
        expires: Any = members.get("exp")
        begins: Any = members.get("nbf", issued)
        if not (
            type(issued) is type(expires) is type(begins) is int or _are_numbers(issued, expires, begins)
        ):
            raise errors.MalformedClaims(_not_a_number(members))
        # Compared before any arithmetic: integers in JSON have any size.
        if not now - leeway < expires < now + _TEN_YEARS:
            raise errors.ExpiredToken if now - _TEN_YEARS < expires < now else errors.MalformedClaims("exp")
        first, since = (begins, issued) if begins < issued else (issued, begins)
        if not (now - _TEN_YEARS < first and since <= now + leeway):
            claim = "iat" if issued == (since if since > now else first) else "nbf"
            near = now < since < now + _TEN_YEARS
            raise errors.NotYetValid(claim) if near else errors.MalformedClaims(claim)
        # A token that lives for years is checked each time: its times may leave the ten years before it expires.
        return since - leeway, expires + leeway if expires - first < _TEN_YEARS / 2 else since - leeway


def missing_documents(
    verify: Callable[[str], AccessClaims], token: str, lacking: errors.UnknownKey | errors.Unavailable
) -> Iterator[errors.UnknownKey | errors.Unavailable]:
    """Yield what `verify` lacked and, if that was a key, the token's status list if that is missing too.

    The caller obtains each document before it takes the next, and verifies once more at the end.
    """
    yield lacking
    if isinstance(lacking, errors.StatusUnavailable):
        return
    try:
        verify(token)
    except errors.StatusUnavailable as unmet:  # a list is looked up only once the keys are there
        yield unmet


def _are_numbers(*times: object) -> bool:
    return all(type(time) in _NUMBERS for time in times)


def _not_a_number(members: dict[str, Any]) -> str:
    """Return the name of the first time that is not a number; `nbf` may be missing."""
    times = ("iat", "exp", "nbf") if "nbf" in members else ("iat", "exp")
    return next(name for name in times if type(members.get(name)) not in _NUMBERS)


def _no_list(_uri: str) -> NoReturn:
    raise errors.UnknownStatus
