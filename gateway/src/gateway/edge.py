"""The token check at the edge: the door refuses what every service would refuse; they verify again."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from touchstone import AccessClaims, KeySet, Policy, TokenError, Unavailable, Verifier
from touchstone.errors import DuplicateAuthorization, MalformedAuthorization, MissingToken, UnknownKey
from touchstone.follow import Follower

from gateway.errors import UNAUTHORIZED, Refusal, retry

JWKS_BYTES = 150_000
_RETRY_AFTER = 5
_VISIBLE = bytes(range(0x21, 0x7F))
_EARLY_WAIT = 0.5  # seconds that a request with an unknown key may wait for a fetch out of turn


class Keys(Protocol):
    """What the check needs of whoever follows the issuer's keys."""

    @property
    def value(self) -> KeySet | None:
        """The keys, at once; None while there have been none."""

    def refresh_soon(self, wait: float = 0.0) -> None:
        """Ask for them out of turn, within bounds of its own."""

    def close(self) -> None:
        """Stop following them."""


class Edge:
    """Verifies bearer tokens for several audiences with one set of keys. Never blocks the event loop."""

    def __init__(
        self, issuer: str, audiences: Iterable[str], keys: Keys, *, now: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._verifiers = {a: Verifier(Policy(issuer, a), self._current, now=now) for a in audiences}

    def ready(self) -> bool:
        """Tell whether tokens can be checked."""
        return self._keys.value is not None

    def close(self) -> None:
        """Stop following the issuer."""
        self._keys.close()

    async def check(self, audience: str, authorization: bytes | None) -> AccessClaims:
        """Return the claims of the one bearer token. Raises Refusal: 401 with a challenge, 503 without keys."""
        verify = self._verifiers[audience].verify
        try:
            token = bearer(authorization)
            try:
                return verify(token)
            except UnknownKey:  # perhaps one that is newer than our set
                await asyncio.to_thread(self._keys.refresh_soon, _EARLY_WAIT)
                return verify(token)
        except TokenError as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            if isinstance(error, MissingToken):
                challenge = "Bearer"
            raise Refusal(
                error.slug, str(error), (b"www-authenticate", challenge.encode()), kind=UNAUTHORIZED
            ) from None
        except Unavailable as error:
            raise Refusal(error.slug, str(error), retry(error.retry_after)) from None

    def _current(self) -> KeySet:
        keys = self._keys.value
        if keys is None:
            raise Unavailable(_RETRY_AFTER)
        return keys


def bearer(authorization: bytes | None) -> str:
    """Return the token of an Authorization header (RFC 6750 section 2.1); raise TokenError."""
    scheme, _, rest = (authorization or b"").partition(b" ")
    if authorization is not None and b"," in authorization:
        raise DuplicateAuthorization
    if scheme.lower() != b"bearer":
        raise MissingToken
    token = rest.lstrip(b" ")
    if not token or token.translate(None, _VISIBLE):
        raise MalformedAuthorization
    return token.decode("ascii")


def follow(backchannel: str) -> Follower[KeySet]:
    """Return the follower of the issuer's keys."""
    return Follower(f"{backchannel}/.well-known/jwks.json", _usable, max_bytes=JWKS_BYTES)


def _usable(document: bytes) -> KeySet:
    keys = KeySet.from_jwks(document)
    if not len(keys):
        raise ValueError("no usable key")
    return keys
