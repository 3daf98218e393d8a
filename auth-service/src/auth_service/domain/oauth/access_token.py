"""Access tokens: the claims of a new one (RFC 9068), and one that was verified."""

from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.sessions.status_bits import StatusRef


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The content of an access token before it has an id. `actors` are outermost first (RFC 8693 section 4.1).

    `status` is the bit of its session, in an exchanged token too, or of its client if there is no session.
    """

    subject: str
    client_id: str
    audiences: tuple[str, ...]
    scopes: frozenset[str]
    expires_at: int
    roles: frozenset[str] = frozenset()
    session_id: str | None = None
    status: StatusRef | None = None
    auth_time: int | None = None
    actors: tuple[str, ...] = ()

    def claims(self, *, issuer: str, issued_at: int, token_id: str) -> dict[str, object]:
        """Return the claims of RFC 9068 section 2.2 with `roles`, `sid`, `status` and `act`."""
        claims: dict[str, object] = {
            "iss": issuer,
            "sub": self.subject,
            "aud": self.audiences[0] if len(self.audiences) == 1 else list(self.audiences),
            "exp": self.expires_at,
            "iat": issued_at,
            "jti": token_id,
            "client_id": self.client_id,
            "scope": " ".join(sorted(self.scopes)),
            "roles": sorted(self.roles),
        }
        if self.session_id is not None:
            claims["sid"] = self.session_id
        if self.status is not None:
            claims["status"] = self.status.claim(issuer)
        if self.auth_time is not None:
            claims["auth_time"] = self.auth_time
        if self.actors:
            claims["act"] = nested_actors(self.actors)
        return claims


def nested_actors(actors: tuple[str, ...]) -> dict[str, object]:
    """Return the `act` claim of a chain, outermost first (RFC 8693 section 4.1)."""
    first, *earlier = actors
    return {"sub": first} | ({"act": nested_actors(tuple(earlier))} if earlier else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken(AccessToken):
    """An access token of this issuer that passed every check, with its own id and time."""

    issued_at: int
    token_id: str


class TokenReader(Protocol):
    """Verifies access tokens of this issuer."""

    def read(self, token: str, audience: str) -> VerifiedToken | None:
        """Return the token if it is valid for a resource server of this audience, else None."""

    def read_any(self, token: str) -> VerifiedToken | None:
        """Return the token if it is valid for any audience of this issuer, else None."""
