"""Everything needed to verify the tokens of one issuer, in one object."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from touchstone import arguments
from touchstone.claims import AccessClaims
from touchstone.errors import StatusUnavailable, Unavailable, UnknownKey
from touchstone.following.issuer_documents import IssuerDocuments
from touchstone.policy import Policy
from touchstone.tls import CA
from touchstone.verifier import Verifier, missing_documents

# How long a request may wait for the first keys and the first copy of a list, for a key that is still unknown, and for
# a confirmation.
_FIRST_WAIT_SECONDS = 3.0
_NEW_KEY_WAIT_SECONDS = 0.5
_CONFIRM_WAIT_SECONDS = 1.0


class Issuer:
    """Verifies the tokens that the issuer at `url` issued for `audience`; keys and lists are kept recent in the background.

    `iss` must be exactly `url`. `audience` is a name, or a list of names of which a token's `aud` must contain one. The
    documents are fetched under `backchannel`, if given; no token decides what is fetched, or from where. `now` returns
    seconds since the epoch, `leeway` is in seconds, `cache_size` counts verdicts; the other settings are those of
    IssuerDocuments. `verify` calls `before_wait` before it waits for the issuer, for servers that limit their waiting
    threads. The first use starts the background threads; `close`, or the end of the object, stops them. Raises ValueError
    for an invalid argument.
    """

    def __init__(  # noqa: PLR0913 - each is a setting, by keyword
        self,
        url: str,
        *,
        audience: str | Iterable[str],
        backchannel: str | None = None,
        leeway: float = 30,
        now: Callable[[], float] = time.time,
        cache_size: int = 4096,
        jwks_path: str = "/.well-known/jwks.json",
        status_path: str = "/status-lists/",
        fresh_within: float = 30.0,
        stale_within: float = 43_200.0,
        alert_after: float = 60.0,
        snapshots: str | Path | None = None,
        ca: CA = None,
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        before_wait: Callable[[], object] = lambda: None,
    ) -> None:
        arguments.function("before_wait", before_wait)
        self._before_wait = before_wait
        self.documents = IssuerDocuments(
            url,
            backchannel=backchannel,
            jwks_path=jwks_path,
            status_path=status_path,
            fresh_within=fresh_within,
            stale_within=stale_within,
            alert_after=alert_after,
            snapshots=snapshots,
            ca=ca,
            proxy=proxy,
            leeway=leeway,
            now=now,
            clock=clock,
        )
        self._verifier = Verifier(
            Policy(url, audience, leeway=leeway),
            self.documents.keys,
            lists=self.documents.status_list,
            cache_size=cache_size,
            now=now,
        )

    @property
    def policy(self) -> Policy:
        """The policy: which tokens are accepted."""
        return self._verifier.policy

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a valid token; with `fresh`, keys and list were confirmed within `fresh_within` seconds.

        Raises a subclass of TokenError for any other token, Unavailable if the issuer's keys were never obtained,
        StatusUnavailable if the token's list was not, and Unconfirmed if a fresh confirmation fails. Waits up to 3 s at
        the first use of keys or a list, up to 0.5 s for an unknown key, and up to 1 s for a confirmation.
        """
        try:
            claims = self._verifier.verify(token)
        except (UnknownKey, Unavailable) as lacking:
            claims = self._verify_later(token, lacking)
        if fresh and not self.documents.confirmed(claims):
            self._before_wait()
            self.documents.confirm(claims, _CONFIRM_WAIT_SECONDS)
            claims = self._verifier.verify(token)
        return claims

    def ready(self) -> bool:
        """Return, without waiting, whether tokens can be verified."""
        return self.documents.ready()

    def health(self) -> dict[str, object]:
        """Return the number of keys, the seconds since they were confirmed and the last failure or None."""
        return self.documents.health()

    def close(self) -> None:
        """Stop the background threads."""
        self.documents.close()

    def _verify_later(self, token: str, lacking: UnknownKey | Unavailable) -> AccessClaims:
        """Verify again after obtaining what was missing."""
        self._before_wait()
        deadline = time.monotonic() + _FIRST_WAIT_SECONDS
        for each in missing_documents(self._verifier.verify, token, lacking):
            self._obtain(each, deadline)
        return self._verifier.verify(token)

    def _obtain(self, lacking: UnknownKey | Unavailable, deadline: float) -> None:
        if isinstance(lacking, UnknownKey):  # perhaps a new key of the issuer
            self.documents.refresh_keys(_NEW_KEY_WAIT_SECONDS)
        else:
            uri = lacking.uri if isinstance(lacking, StatusUnavailable) else None
            self.documents.wait_first(uri, deadline - time.monotonic())
