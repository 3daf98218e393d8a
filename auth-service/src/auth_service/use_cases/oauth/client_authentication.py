"""Client authentication by a secret (RFC 6749 section 2.3) or by `private_key_jwt` (RFC 7523 section 3)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from touchstone.text import is_line

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Client, Clients, secret_fits
from auth_service.domain.oauth.client_assertion import AssertionReader
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.unit_of_work import Store

MAX_LIFETIME_SECONDS = 3600  # libraries sign for up to an hour
LEEWAY_SECONDS = 30  # between clocks
MAX_JTI_LENGTH = 255


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Identifies the client, and authenticates it if it is confidential.

    An assertion names its client as `iss` and `sub`, this issuer alone as `aud`, expires within an hour, and works once.
    """

    store: Store
    clients: Clients
    reader: AssertionReader
    audiences: frozenset[str]
    now: Clock

    def __call__(
        self, client_id: str | None, assertion: str | None, secret: str | None = None
    ) -> Client | None:
        """Return the client, or None if none was named; raise InvalidClient. Pass an assertion or a secret, never both."""
        if assertion is not None:
            return self._by_assertion(client_id, assertion)
        if secret is not None:
            return self._by_secret(client_id, secret)
        if client_id is None:
            return None
        client = self._known(client_id)
        if client.confidential:
            how = "its secret" if client.secret_hash is not None else "a client_assertion"
            raise InvalidClient(f"this client must authenticate with {how}")
        return client

    def _by_secret(self, client_id: str | None, secret: str) -> Client:
        client = self.clients.get(client_id) if client_id is not None else None
        if not secret_fits(client, secret) or client is None or not client.enabled:
            raise InvalidClient("the client is unknown or the secret is wrong")
        return client

    def _known(self, client_id: str) -> Client:
        client = self.clients.get(client_id)
        if client is None or not client.enabled:
            raise InvalidClient("the client is unknown or disabled")
        return client

    def _by_assertion(self, client_id: str | None, assertion: str) -> Client:
        client = self._known(self.reader.issuer(assertion))
        if client_id not in {None, client.client_id}:
            raise InvalidClient("client_id and client_assertion name different clients")
        if not client.confidential or client.secret_hash is not None:
            raise InvalidClient("this client has no registered key")
        claims = self.reader.verified(assertion, client.client_id)
        jti, until = self._check_claims(claims, client.client_id)
        with self.store.transaction() as tx:
            if not tx.used_assertions.add(client.client_id, jti, until):
                raise InvalidClient("this client_assertion was already used")
        return client

    def _check_claims(self, claims: Mapping[str, object], client_id: str) -> tuple[str, float]:
        now = self.now()
        if claims.get("iss") != client_id or claims.get("sub") != client_id:
            raise InvalidClient("iss and sub of a client_assertion must be the client_id")
        audience = claims.get("aud")
        names = audience if isinstance(audience, list) else [audience]
        if len(names) != 1 or not isinstance(names[0], str) or names[0] not in self.audiences:
            raise InvalidClient("aud of a client_assertion must be only the issuer or its token endpoint")
        expires_at = _time(claims, "exp")
        if (
            expires_at is None
            or not now - LEEWAY_SECONDS < expires_at <= now + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS
        ):
            raise InvalidClient(
                f"exp of a client_assertion must be within the next {MAX_LIFETIME_SECONDS} seconds"
            )
        for name in ("iat", "nbf"):
            if name in claims and not (_time(claims, name) or math.inf) <= now + LEEWAY_SECONDS:
                raise InvalidClient("iat and nbf of a client_assertion must not be in the future")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH or not is_line(jti):
            raise InvalidClient("a client_assertion must have a jti")
        return jti, expires_at + LEEWAY_SECONDS


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
