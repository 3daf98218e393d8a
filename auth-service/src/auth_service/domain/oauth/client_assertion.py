"""Client assertions (`private_key_jwt`, RFC 7523 section 2.2)."""

from collections.abc import Mapping
from typing import Protocol


class UsedAssertions(Protocol):
    """Repository of used assertions."""

    def add(self, client_id: str, jti: str, until: float) -> bool:
        """Record an assertion as used, until a Unix time; return False if it had been used before."""


class AssertionReader(Protocol):
    """Reads assertions. Both methods raise InvalidClient."""

    def issuer(self, assertion: str) -> str:
        """Return the client that the assertion names, unverified."""

    def verified(self, assertion: str, client_id: str) -> Mapping[str, object]:
        """Return its claims if the signature is valid under the client's registered key; RS256 only."""
