"""TODO."""

import hashlib
import secrets
import uuid


def new_token() -> str:
    """256 random bits, base64url: too many to guess, and nothing in them to read."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """128 random bits, base64url: for session and token identifiers."""
    return secrets.token_urlsafe(16)


def new_subject() -> str:
    """Make a random UUID, the form of every account's `sub`."""
    return str(uuid.uuid4())


def digest_of(token: str) -> bytes:
    """SHA-256: enough for 256 random bits, which no dictionary holds."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
