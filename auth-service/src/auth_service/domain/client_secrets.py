"""The secrets of clients: what is kept of one, and whether one fits."""

import hashlib
import secrets

from auth_service.domain.clients import Client


def hash_secret(secret: str) -> str:
    """Give what is kept of a client's secret: its SHA-256.

    A slow hash makes guessing dear where people choose the secret. This one has 256 random bits: nobody guesses it, at
    any price of a guess, and a slow hash would only let strangers make the mint work.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def secret_fits(client: Client | None, secret: str) -> bool:
    """Compare in constant time; a client that has no secret, or is not there, costs the same."""
    kept = client.secret_hash if client is not None else None
    return secrets.compare_digest(hash_secret(secret), kept or "0" * 64) and kept is not None
