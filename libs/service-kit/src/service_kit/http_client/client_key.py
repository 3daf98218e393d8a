"""The private key with which a service authenticates to auth-service (RFC 7523), in the folder of keys."""

from pathlib import Path

from pydantic import AfterValidator

from service_kit.http_client.oauth_client import ClientAssertion


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
