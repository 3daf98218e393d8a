"""ID tokens, the claims about a user, and ID tokens as hints (OpenID Connect Core sections 2 and 5)."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.account import Account
from auth_service.domain.sessions.session import Session

ID_TOKEN = "JWT"  # noqa: S105 - its `typ`; an access token has at+jwt
ACR = "urn:touchstone:acr:single-factor"


def id_token_claims(  # noqa: PLR0913 - the last three by name
    session: Session,
    account: Account,
    scopes: frozenset[str],
    access_token: str,
    *,
    issued_at: int,
    expires_at: int,
    nonce: str | None = None,
) -> dict[str, object]:
    """Return the claims of OpenID Connect Core section 2, without `iss`.

    It names the user only if the scope `profile` or `email` was granted.
    """
    claims: dict[str, object] = {
        "sub": account.sub,
        "aud": session.client_id,
        "exp": expires_at,
        "iat": issued_at,
        "auth_time": int(session.auth_time),
        "acr": ACR,
        "amr": list(session.methods),
        "at_hash": at_hash(access_token),
        "sid": session.sid,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return claims | personal_claims(account, scopes)


def at_hash(access_token: str) -> str:
    """Return the left half of the access token's SHA-256 (OpenID Connect Core section 3.1.3.6, for RS256)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def personal_claims(account: Account, scopes: frozenset[str]) -> dict[str, object]:
    """Return the claims of the scopes `profile` and `email` (OpenID Connect Core section 5.4)."""
    claims: dict[str, object] = {}
    if "profile" in scopes:
        claims["name"] = account.name
    if "email" in scopes:
        claims |= {"email": account.email, "email_verified": account.email_verified_at is not None}
    return claims


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """The log-in that an ID token of this issuer names, perhaps an old one."""

    sub: str
    client_id: str
    sid: str | None


class IdTokenHints(Protocol):
    """Reads ID tokens that are presented as `id_token_hint`."""

    def read(self, id_token: str) -> IdTokenHint | None:
        """Return the hint if this issuer signed it, expired or not; None for anything else."""


@dataclass(frozen=True, slots=True)
class HintKey:
    """The public key of a former signing key, in DER; hints are verified with it until `keep_until` (Unix seconds)."""

    kid: str
    public_key: bytes
    keep_until: float


class HintKeys(Protocol):
    """Repository of the public keys of removed signing keys. They are never published."""

    def add(self, key: HintKey) -> None:
        """Store a key, unless it is there."""

    def get(self, kid: str) -> HintKey | None:
        """Return the key with this id, or None."""

    def delete(self, kid: str) -> bool:
        """Delete a key; return False if there was none."""
