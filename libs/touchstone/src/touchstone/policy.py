"""Owns the policy: what this service accepts, decided here and never by a token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from touchstone import arguments


@dataclass(frozen=True, slots=True)
class Policy:
    """One issuer, one algorithm, and one audience or several, of which a token names at least one.

    `leeway` is in seconds, for the clocks of two machines. Raises ValueError for a policy that could accept no token,
    or could not refuse anything sensibly.
    """

    issuer: str
    audience: str | Iterable[str]
    algorithm: Literal["RS256"] = "RS256"
    leeway: float = 30

    def __post_init__(self) -> None:
        arguments.text("issuer", self.issuer)
        if " " in self.issuer:
            raise ValueError("issuer must not hold blanks")
        if not isinstance(self.audience, str):
            if not isinstance(self.audience, list | tuple | set | frozenset) or not self.audience:
                raise ValueError("audience must be a string, or a list of at least one")
            # A copy: what the caller's list becomes later is not our policy.
            object.__setattr__(self, "audience", tuple(self.audience))
        for each in (self.audience,) if isinstance(self.audience, str) else self.audience:
            arguments.text("audience", each)
        if self.algorithm != "RS256":
            raise ValueError("algorithm must be RS256")
        arguments.leeway(self.leeway)

    @property
    def audiences(self) -> frozenset[str]:
        """The names of which a token's `aud` must hold one."""
        return frozenset((self.audience,) if isinstance(self.audience, str) else self.audience)
