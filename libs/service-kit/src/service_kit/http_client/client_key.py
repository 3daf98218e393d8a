"""A service as a client of auth-service: its private key (RFC 7523) in the folder of keys, and its tokens."""

import time
from pathlib import Path

from pydantic import AfterValidator

from service_kit.clock import Clock
from service_kit.http_client.oauth_client import ClientAssertion, TokenSource
from service_kit.http_client.service_client import ServiceClient
from service_kit.settings import ServiceSettings


def client_key(keys_dir: Path, client_id: str) -> Path:
    """Return the path of a client's private key."""
    return keys_dir / "clients" / f"{client_id}.pem"


def with_client_key(client_id: str) -> AfterValidator:
    """Return the check, for a setting of the type `KeysDir`, that the folder has this client's key."""

    def check(keys_dir: Path) -> Path:
        try:
            ClientAssertion(client_id, client_key(keys_dir, client_id), audience="")
        except (OSError, ValueError):
            raise ValueError(
                f"must hold the RSA key clients/{client_id}.pem, readable by this service"
            ) from None
        return keys_dir

    return AfterValidator(check)


def token_source(
    client_id: str, keys_dir: Path, settings: ServiceSettings, now: Clock = time.time
) -> TokenSource:
    """Return the source of this client's tokens for calls to other services; raise OSError or ValueError for its key."""
    assertion = ClientAssertion(client_id, client_key(keys_dir, client_id), settings.issuer)
    auth = ServiceClient(settings.issuer_backchannel, name="auth-service")
    return TokenSource("/oauth/token", assertion, auth, now)
