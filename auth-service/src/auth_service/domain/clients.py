"""Clients: the programs that ask for tokens, and what each is registered for."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class GrantType(StrEnum):
    """Ways to a token, as ``grant_type`` names them."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 (a protocol's name, no secret)
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (likewise)
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client.

    ``audiences`` and ``scopes`` bound what it gets for a user; ``own_scopes`` what it gets for itself, with
    no user behind it; ``serves`` names the audiences about whose tokens it may ask (RFC 7662).
    ``redirect_uris`` and ``post_logout_redirect_uris`` that begin with ``/`` lie below the issuer.
    A confidential client proves who it is: with its secret where ``secret_hash`` (SHA-256, hex) is set, else with
    ``private_key_jwt``; a public one cannot.
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
