"""An allow-list of issuers, each with its own policy, keys and status lists."""

from __future__ import annotations

from collections.abc import Iterable

from touchstone import base64url, strictjson
from touchstone.claims import AccessClaims
from touchstone.errors import MalformedToken, WrongIssuer
from touchstone.issuer import Issuer
from touchstone.jws import MAX_DEPTH, MAX_TOKEN_LENGTH


class Issuers:
    """Verifies the tokens of the given issuers, and of no other.

    The `iss` of a token only selects the issuer; the policy of that issuer then requires it, so that the key of one never
    verifies a token of another. Raises ValueError if there is no issuer, or if two have the same URL.
    """

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        listed = list(issuers) if isinstance(issuers, Iterable) else []
        if not listed or not all(isinstance(each, Issuer) for each in listed):
            raise ValueError("issuers must be a non-empty list of Issuer objects")
        self._issuers = {issuer.policy.issuer: issuer for issuer in listed}
        if len(self._issuers) != len(listed):
            raise ValueError("two issuers have the same URL")

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a valid token; raise the errors of `Issuer.verify`, WrongIssuer if the issuer is not listed."""
        issuer = self._issuers.get(_claimed_issuer(token))
        if issuer is None:
            raise WrongIssuer
        return issuer.verify(token, fresh=fresh)

    def ready(self) -> bool:
        """Return, without waiting, whether the tokens of all issuers can be verified."""
        # Not a generator: the first call starts the background thread of each issuer.
        return all([issuer.ready() for issuer in self._issuers.values()])  # noqa: C419 - see above

    def health(self) -> dict[str, object]:
        """Return the health of each issuer, by URL."""
        return {url: issuer.health() for url, issuer in self._issuers.items()}

    def close(self) -> None:
        """Stop the background threads of all issuers."""
        for issuer in self._issuers.values():
            issuer.close()


def _claimed_issuer(token: str) -> str:
    """Return the `iss` of a token that is not verified yet."""
    try:
        if len(token) > MAX_TOKEN_LENGTH:
            raise MalformedToken
        _, payload, _ = token.encode("ascii").split(b".")
        members = strictjson.loads(base64url.decode(payload), max_depth=MAX_DEPTH)
    except (AttributeError, TypeError, ValueError):
        raise MalformedToken from None
    claimed = members.get("iss") if type(members) is dict else None
    if type(claimed) is not str:
        raise WrongIssuer
    return claimed
