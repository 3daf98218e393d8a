"""Consents that users gave to third-party clients."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Consent:
    """The scopes that one account allowed one client. `granted_at` is Unix seconds."""

    sub: str
    client_id: str
    scopes: frozenset[str]
    granted_at: float


class Consents(Protocol):
    """Repository of consents."""

    def get(self, sub: str, client_id: str) -> Consent | None:
        """Return the consent of an account to a client, or None."""

    def save(self, consent: Consent) -> None:
        """Store a consent, in place of an earlier one."""
