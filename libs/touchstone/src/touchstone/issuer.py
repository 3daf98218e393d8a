"""Owns the facade: everything that it takes to verify the tokens of one issuer, in one object."""

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

_FIRST_WAIT = 3.0  # seconds that a request may wait for the very first keys, and the first copy of a list
_EARLY_WAIT = 0.5  # seconds that a request with an unknown key may wait for a fetch out of turn
_CONFIRM_WAIT = 1.0  # seconds that a request may wait for what it needs afresh


class Issuer:
    """Verifies the tokens that the issuer at `url` made for `audience`, with keys and lists followed in the background.

    `url` is what `iss` must say, to the letter. `audience` is a name, or a list of names of which a token's `aud` must
    hold one. The documents are fetched under `backchannel` where that is given, and nothing that a token says is ever
    fetched from anywhere. `now` returns seconds since the epoch, `leeway` is in seconds, `cache_size` counts verdicts;
    the other settings are those of IssuerDocuments. `before_wait` is called by `verify` before it waits for the issuer,
    for servers that must know which of their threads wait. Making one asks nothing of the issuer. Following ends with `close`,
    and with the object. Raises ValueError for an argument that cannot work.
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
        """What is accepted."""
        return self._verifier.policy

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a good token; `fresh` asks that all that speaks for it was confirmed a moment ago.

        Raises a subclass of TokenError for any other token, Unavailable while the issuer's keys, StatusUnavailable while
        the token's list were never had, and Unconfirmed where nothing fresh is to be had. Only the last may wait, up
        to a second, and the first uses of keys and lists, up to three.
        """
        try:
            claims = self._verifier.verify(token)
        except (UnknownKey, Unavailable) as lacking:
            claims = self._verify_later(token, lacking)
        if fresh and not self.documents.confirmed(claims):
            self._before_wait()
            self.documents.confirm(claims, _CONFIRM_WAIT)
            claims = self._verifier.verify(token)
        return claims

    def ready(self) -> bool:
        """Tell, at once, whether tokens can be checked."""
        return self.documents.ready()

    def health(self) -> dict[str, object]:
        """Tell how it stands: number of keys, seconds since they were confirmed, the last failure or None."""
        return self.documents.health()

    def close(self) -> None:
        """Stop following the issuer."""
        self.documents.close()

    def _verify_later(self, token: str, lacking: UnknownKey | Unavailable) -> AccessClaims:
        """Verify once more, when what was lacking has been asked for."""
        self._before_wait()
        deadline = time.monotonic() + _FIRST_WAIT
        for each in missing_documents(self._verifier.verify, token, lacking):
            self._obtain(each, deadline)
        return self._verifier.verify(token)

    def _obtain(self, lacking: UnknownKey | Unavailable, deadline: float) -> None:
        if isinstance(lacking, UnknownKey):  # perhaps the issuer has a key that we have not heard of yet
            self.documents.refresh_keys(_EARLY_WAIT)
        else:
            uri = lacking.uri if isinstance(lacking, StatusUnavailable) else None
            self.documents.wait_first(uri, deadline - time.monotonic())
