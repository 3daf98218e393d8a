"""Consent: what a person has allowed a third-party client, remembered so that nobody is asked twice."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Consent:
    """What one account has allowed one client. `granted_at` is unix seconds."""

    sub: str
    client_id: str
    scopes: frozenset[str]
    granted_at: float


class Consents(Protocol):
    """Where consents are kept."""

    def get(self, sub: str, client_id: str) -> Consent | None:
        """Find what was allowed."""

    def save(self, consent: Consent) -> None:
        """Keep it in place of what was there."""
