"""Random tokens, codes and identifiers, and the digests under which they are stored."""

import hashlib
import secrets
import uuid

TYPED_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; no digits (RFC 8628 section 6.1)
TYPED_LENGTH = 8  # 34.5 bits, against a handful of attempts


def new_token() -> str:
    """Return 256 random bits, base64url."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """Return 128 random bits, base64url, for session and token identifiers."""
    return secrets.token_urlsafe(16)


def new_subject() -> str:
    """Return a random UUID, the form of every account's `sub`."""
    return str(uuid.uuid4())


def new_typed_code() -> str:
    """Return eight random letters that are easily typed, `BCDF-GHJK`."""
    letters = "".join(secrets.choice(TYPED_ALPHABET) for _ in range(TYPED_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token; no slow hash is needed for 256 random bits."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
