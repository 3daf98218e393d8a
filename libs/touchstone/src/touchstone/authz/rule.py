"""What the token of a request must have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from touchstone import arguments
from touchstone.claims import AccessClaims
from touchstone.errors import InsufficientScope, WrongAudience

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,64}")  # unreserved characters of a URL (RFC 3986 section 2.3)


@dataclass(frozen=True, slots=True)
class Rule:
    """A token for `audience` with all of `scopes`; with `fresh` as in `Issuer.verify`. Raise ValueError if invalid."""

    name: str
    audience: str
    scopes: Sequence[str] = ()
    fresh: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"rule {self.name!r}: the name must be of letters, digits and . _ ~ -")
        try:
            arguments.text("its audience", self.audience)
            object.__setattr__(self, "scopes", arguments.scopes(self.scopes))
        except ValueError as error:
            raise ValueError(f"rule {self.name!r}: {error}") from None

    def check(self, claims: AccessClaims) -> None:
        """Raise WrongAudience or InsufficientScope if the claims of a valid token do not suffice."""
        if self.audience not in claims.audience:
            raise WrongAudience
        if not claims.scopes.issuperset(self.scopes):
            raise InsufficientScope(tuple(self.scopes))
