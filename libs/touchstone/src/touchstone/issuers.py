"""Owns the allow-list: several issuers, each with a policy and keys of its own."""

from __future__ import annotations

from collections.abc import Iterable

from touchstone import base64url, strictjson
from touchstone.claims import AccessClaims
from touchstone.errors import MalformedToken, WrongIssuer
from touchstone.issuer import Issuer

_LONGEST_TOKEN = 8192
_DEEPEST_JSON = 8


class Issuers:
    """Verifies the tokens of any of the given issuers, and of no other.

    What a token says about its issuer only chooses who checks it: then that issuer's keys, lists and policy decide,
    which ask for that very issuer, so that one's key never verifies another's token. Raises ValueError for no issuer
    and for two of the same name.
    """

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        listed = list(issuers) if isinstance(issuers, Iterable) else []
        if not listed or not all(isinstance(each, Issuer) for each in listed):
            raise ValueError("issuers are a list of one Issuer or more")
        self._issuers = {issuer.policy.issuer: issuer for issuer in listed}
        if len(self._issuers) != len(listed):
            raise ValueError("each issuer needs a URL of its own")

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a good token; raise what `Issuer.verify` raises, WrongIssuer for one that is not listed."""
        issuer = self._issuers.get(_claimed_issuer(token))
        if issuer is None:
            raise WrongIssuer
        return issuer.verify(token, fresh=fresh)

    def ready(self) -> bool:
        """Tell, at once, whether the tokens of all issuers can be checked."""
        answers = [issuer.ready() for issuer in self._issuers.values()]  # of each: asking sets it going
        return all(answers)

    def health(self) -> dict[str, object]:
        """Tell how it stands with each issuer, by its URL."""
        return {url: issuer.health() for url, issuer in self._issuers.items()}

    def close(self) -> None:
        """Stop following them."""
        for issuer in self._issuers.values():
            issuer.close()


def _claimed_issuer(token: str) -> str:
    """Say, unverified, from whom a token claims to be."""
    try:
        if len(token) > _LONGEST_TOKEN:
            raise MalformedToken
        _, payload, _ = token.encode("ascii").split(b".")
        members = strictjson.loads(base64url.decode(payload), max_depth=_DEEPEST_JSON)
    except (AttributeError, TypeError, ValueError):
        raise MalformedToken from None
    claimed = members.get("iss") if type(members) is dict else None
    if type(claimed) is not str:
        raise WrongIssuer
    return claimed
