"""A token verifier inside the process, for tests of a service without an issuer."""

import uuid
from typing import Any

from touchstone.claims import AccessClaims
from touchstone.errors import BadSignature, Unavailable


class FakeDocuments:
    """The followed documents of an issuer: `found`, none by default."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def stats(self) -> list[Any]:
        """Return `found`."""
        return self.found


class FakeTokenVerifier:
    """Accepts the tokens that `bearer` made, for one audience, and refuses all others.

    `keys` is what `ready` returns; while `confirmed` is False, fresh verifications raise Unavailable.
    """

    def __init__(self, audience: str) -> None:
        self.audience = audience
        self.known: dict[str, AccessClaims] = {}
        self.keys = True
        self.confirmed = True
        self.documents = FakeDocuments()

    def bearer(self, sub: str, *scopes: str) -> dict[str, str]:
        """Return the headers of a request by `sub` with these scopes."""
        token = uuid.uuid4().hex
        self.known[token] = AccessClaims(
            issuer="http://localhost:8080",
            subject=sub,
            audience=(self.audience,),
            expires_at=0.0,
            issued_at=0.0,
            token_id=token,
            client_id="cli",
            scopes=frozenset(scopes),
            roles=frozenset(),
            session_id=None,
            auth_time=None,
            actor=None,
            status=None,
        )
        return {"Authorization": f"Bearer {token}"}

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a token made here; raise BadSignature for any other, or Unavailable."""
        if token not in self.known:
            raise BadSignature
        if fresh and not self.confirmed:
            raise Unavailable(1)
        return self.known[token]

    def ready(self) -> bool:
        """Return `keys`."""
        return self.keys
