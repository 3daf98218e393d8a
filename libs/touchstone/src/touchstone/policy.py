"""Owns the policy: what this service accepts, decided here and never by a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """One issuer, one audience, one algorithm; `leeway` in seconds for the clocks of two machines.

    Raises ValueError for a policy that could not refuse anything sensibly.
    """

    issuer: str
    audience: str
    algorithm: Literal["RS256"] = "RS256"
    leeway: int = 30

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("a policy needs an issuer and an audience")
        if self.algorithm != "RS256":
            raise ValueError("RS256 is the only algorithm")
        if not 0 <= self.leeway <= 300:  # noqa: PLR2004 - five minutes, beyond which it is no leeway any more
            raise ValueError("leeway is 0 to 300 seconds")
