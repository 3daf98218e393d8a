"""The settings of orders-service."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator
from service_kit.database.url import DatabaseUrl
from service_kit.http_client.oauth_client import ClientAssertion
from service_kit.settings import KeysDir, ServiceSettings

CLIENT_ID: Final = "orders-service"


def client_key(keys_dir: Path) -> Path:
    """Return the path of this service's private key (RFC 7523)."""
    return keys_dir / "clients" / f"{CLIENT_ID}.pem"


def _with_client_key(keys_dir: Path) -> Path:
    try:
        ClientAssertion(CLIENT_ID, client_key(keys_dir), audience="")
    except (OSError, ValueError):
        raise ValueError(f"must hold the RSA key clients/{CLIENT_ID}.pem, readable by this service") from None
    return keys_dir


class Settings(ServiceSettings):
    """The shared settings, the database, and the folder with this service's client key."""

    database_url: DatabaseUrl
    keys_dir: Annotated[KeysDir, AfterValidator(_with_client_key)]
