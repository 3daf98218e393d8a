"""Clients, and what each is registered for (RFC 6749 section 2)."""

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from auth_service.domain.oauth.errors import UnauthorizedClient


class GrantType(StrEnum):
    """Grants, as `grant_type` names them."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant, no secret
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant, no secret
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client.

    `audiences` and `scopes` bound its tokens for users, `own_scopes` those for itself; `serves` are the audiences whose
    tokens it can introspect (RFC 7662); `*` among them means every one, for a first-party client. Redirect URIs that begin with `/` are relative to the issuer. Pages of
    `origins` may read the responses of the token, revocation and userinfo endpoints (CORS). A confidential client
    authenticates by its secret if `secret_hash` (SHA-256, hex) is set, else by `private_key_jwt`.
    """

    client_id: str
    name: str
    confidential: bool
    grants: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    own_scopes: frozenset[str] = frozenset()
    serves: frozenset[str] = frozenset()
    first_party: bool = False
    enabled: bool = True
    secret_hash: str | None = field(default=None, repr=False)

    @property
    def authenticates(self) -> str:
        """How it authenticates: none, client_secret or private_key_jwt."""
        if not self.confidential:
            return "none"
        return "private_key_jwt" if self.secret_hash is None else "client_secret"


class Clients(Protocol):
    """All clients, from files and from the database."""

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id, enabled or not, or None."""

    def origins(self) -> frozenset[str]:
        """Return the origins of all enabled clients."""


class RegisteredClients(Protocol):
    """Repository of the clients registered at run time."""

    def add(self, client: Client, at: float) -> bool:
        """Store a new client; return False, and change nothing, if its id is taken."""

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id, enabled or not, or None."""

    def get_for_update(self, client_id: str) -> Client | None:
        """Return the client and lock it until the transaction ends, or None."""

    def list_all(self) -> list[Client]:
        """Return all clients, ascending by id."""

    def list_origins(self) -> frozenset[str]:
        """Return the origins of all enabled clients."""

    def replace(self, client: Client) -> None:
        """Replace a client's registration, its secret's hash included."""

    def set_disabled(self, client_id: str, at: float | None) -> None:
        """Disable a client at a time, or enable it with None."""

    def lock_enabled(self, client_id: str) -> bool:
        """Return whether a client is enabled, and keep it so until the transaction ends.

        Clients from files cannot change meanwhile, so they count as enabled.
        """


class FixedClients(Clients, Protocol):
    """Clients that are defined in files and cannot be changed at run time."""

    def all(self) -> list[Client]:
        """Return all clients, ascending by id."""


def check_grant(client: Client, grant: GrantType) -> None:
    """Raise UnauthorizedClient unless the client is registered for the grant."""
    if grant not in client.grants:
        raise UnauthorizedClient(f"this client is not registered for the grant {grant}")


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a client's secret, in hex.

    A slow hash protects secrets that people choose. This one has 256 random bits, and a slow hash would only let
    anonymous requests cost more.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def secret_fits(client: Client | None, secret: str) -> bool:
    """Compare in constant time, also for an unknown client and one without a secret."""
    kept = client.secret_hash if client is not None else None
    return secrets.compare_digest(hash_secret(secret), kept or "0" * 64) and kept is not None
