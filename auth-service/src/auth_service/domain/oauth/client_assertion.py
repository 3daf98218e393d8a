"""TODO."""

from collections.abc import Mapping
from typing import Protocol


class UsedAssertions(Protocol):
    """Remembers the assertions that were used."""

    def add(self, client_id: str, jti: str, until: float) -> bool:
        """Note one as used; False when it had been before."""


class AssertionReader(Protocol):
    """Opens assertions; both methods raise InvalidClient."""

    def issuer(self, assertion: str) -> str:
        """Say who claims to have made it, unverified."""

    def verified(self, assertion: str, client_id: str) -> Mapping[str, object]:
        """Return its claims if the signature holds under the registered key of this client; RS256 only."""
