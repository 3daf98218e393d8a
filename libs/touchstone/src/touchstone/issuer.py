"""Owns the facade: everything that it takes to verify the tokens of one issuer, in one object."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from touchstone.claims import AccessClaims
from touchstone.errors import Unavailable, UnknownKey
from touchstone.follow import Follower
from touchstone.keys import KeySet
from touchstone.policy import Policy
from touchstone.verifier import Verifier

JWKS_BYTES = 150_000
_FIRST_WAIT = 3.0  # seconds that a request may wait for the very first keys
_EARLY_WAIT = 0.5  # seconds that a request with an unknown key may wait for a fetch out of turn
_RETRY_AFTER = 5


class Issuer:
    """Verifies the tokens that the issuer at `url` made for `audience`, with keys followed in the background.

    `url` is what `iss` must say, to the letter. Its documents are fetched under `backchannel` where that is
    given, and nothing that a token says is ever fetched from anywhere. `now` returns seconds since the epoch,
    `leeway` is in seconds, `cache_size` counts verdicts. Making one does no I/O. Raises ValueError for a URL
    that is none.
    """

    def __init__(  # noqa: PLR0913 - each is a setting, by keyword
        self,
        url: str,
        *,
        audience: str,
        backchannel: str | None = None,
        leeway: int = 30,
        now: Callable[[], float] = time.time,
        cache_size: int = 4096,
    ) -> None:
        base = _base(backchannel or url)
        self._keys: Follower[KeySet] = Follower(
            f"{base}/.well-known/jwks.json", _usable_keys, max_bytes=JWKS_BYTES
        )
        policy = Policy(_base(url) and url, audience, leeway=leeway)
        self._verifier = Verifier(policy, self._current_keys, cache_size=cache_size, now=now)

    @property
    def policy(self) -> Policy:
        """What is accepted."""
        return self._verifier.policy

    def verify(self, token: str) -> AccessClaims:
        """Return the claims of a good token.

        Raises a subclass of TokenError for any other, and Unavailable while the issuer's keys were never had.
        """
        try:
            return self._verifier.verify(token)
        except UnknownKey:
            # Perhaps the issuer has a key that we have not heard of yet.
            self._keys.refresh_soon(_EARLY_WAIT)
            return self._verifier.verify(token)

    def ready(self) -> bool:
        """Tell, at once, whether tokens can be checked."""
        return self._keys.value is not None

    def health(self) -> dict[str, object]:
        """Tell how it stands: number of keys, seconds since they were confirmed, the last failure or None."""
        keys = self._keys.value
        return {
            "keys": 0 if keys is None else len(keys),
            "age": self._keys.age,
            "last_error": self._keys.last_error,
        }

    def close(self) -> None:
        """Stop following the issuer."""
        self._keys.close()

    def _current_keys(self) -> KeySet:
        keys = self._keys.value
        if keys is None:
            self._keys.wait_ready(_FIRST_WAIT)
            keys = self._keys.value
            if keys is None:
                raise Unavailable(_RETRY_AFTER)
        return keys


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"not the URL of an issuer: {url}")
    return url.rstrip("/")


def _usable_keys(document: bytes) -> KeySet:
    keys = KeySet.from_jwks(document)
    if not len(keys):
        raise ValueError("no usable key")
    return keys
