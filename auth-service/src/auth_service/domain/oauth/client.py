"""Clients: the programs that ask for tokens, and what each is registered for."""

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class GrantType(StrEnum):
    """Ways to a token, as `grant_type` names them."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a protocol's name, no secret
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - likewise
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client.

    `audiences` and `scopes` bound what it gets for a user; `own_scopes` what it gets for itself, with
    no user behind it; `serves` names the audiences about whose tokens it may ask (RFC 7662).
    `redirect_uris` and `post_logout_redirect_uris` that begin with `/` lie below the issuer.
    A confidential client proves who it is: with its secret where `secret_hash` (SHA-256, hex) is set, else with
    `private_key_jwt`; a public one cannot.
    """

    client_id: str
    name: str
    confidential: bool
    grants: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    audiences: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    own_scopes: frozenset[str] = frozenset()
    serves: frozenset[str] = frozenset()
    first_party: bool = False
    enabled: bool = True
    secret_hash: str | None = field(default=None, repr=False)


class Clients(Protocol):
    """Where clients are registered."""

    def get(self, client_id: str) -> Client | None:
        """Find by its id, whether enabled or not."""


class RegisteredClients(Protocol):
    """Where the clients are kept that were registered at run time."""

    def add(self, client: Client, at: float) -> bool:
        """Store a new one; False, and nothing changed, when its id is taken."""

    def get(self, client_id: str) -> Client | None:
        """Find by id, whether enabled or not."""

    def get_for_update(self, client_id: str) -> Client | None:
        """Find by id, and keep everybody else from changing it until the transaction ends."""

    def list_all(self) -> list[Client]:
        """Return all of them, ascending by id."""

    def replace(self, client: Client) -> None:
        """Replace what is said of one, its secret's hash among it."""

    def set_disabled(self, client_id: str, at: float | None) -> None:
        """Disable at a time, or enable with None."""

    def lock_enabled(self, client_id: str) -> bool:
        """Keep one from being disabled until the transaction ends; False when it is disabled. Others are held anyhow."""


class FixedClients(Clients, Protocol):
    """Clients that files name: they change with their files alone."""

    def all(self) -> list[Client]:
        """Return all of them, ascending by id."""


def hash_secret(secret: str) -> str:
    """Return what is kept of a client's secret: its SHA-256.

    A slow hash makes guessing dear where people choose the secret. This one has 256 random bits: nobody guesses it, at
    any price of a guess, and a slow hash would only let strangers make the mint work.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def secret_fits(client: Client | None, secret: str) -> bool:
    """Compare in constant time; a client that has no secret, or is not there, costs the same."""
    kept = client.secret_hash if client is not None else None
    return secrets.compare_digest(hash_secret(secret), kept or "0" * 64) and kept is not None
