"""A verifier's policy: which tokens it accepts. No token can change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from touchstone import arguments


@dataclass(frozen=True, slots=True)
class Policy:
    """One issuer, one algorithm, and one or several audiences, of which a token must name at least one.

    `leeway` is in seconds, for the difference between two machines' clocks. Raises ValueError for an invalid argument.
    """

    issuer: str
    audience: str | Iterable[str]
    algorithm: Literal["RS256"] = "RS256"
    leeway: float = 30

    def __post_init__(self) -> None:
        arguments.text("issuer", self.issuer)
        if " " in self.issuer:
            raise ValueError("issuer must not contain spaces")
        if not isinstance(self.audience, str):
            if not isinstance(self.audience, list | tuple | set | frozenset) or not self.audience:
                raise ValueError("audience must be a string or a non-empty list of strings")
            # A copy: later changes of the caller's list do not change the policy.
            object.__setattr__(self, "audience", tuple(self.audience))
        for each in (self.audience,) if isinstance(self.audience, str) else self.audience:
            arguments.text("audience", each)
        if self.algorithm != "RS256":
            raise ValueError("algorithm must be RS256")
        arguments.leeway(self.leeway)

    @property
    def audiences(self) -> frozenset[str]:
        """The names of which a token's `aud` must contain one."""
        return frozenset((self.audience,) if isinstance(self.audience, str) else self.audience)
