"""OpenID Connect: what an ID token says of a log-in, and what userinfo says of a person."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.account import Account
from auth_service.domain.sessions.session import Session

ID_TOKEN = "JWT"  # noqa: S105 - its `typ`: an access token's is at+jwt, so that neither passes as the other
ACR = "urn:touchstone:acr:single-factor"


def id_token_claims(  # noqa: PLR0913 - what the claims are made of, the last three by name
    session: Session,
    account: Account,
    scopes: frozenset[str],
    access_token: str,
    *,
    issued_at: int,
    expires_at: int,
    nonce: str | None = None,
) -> dict[str, object]:
    """Return the claims of OpenID Connect Core section 2, without `iss`; `nonce` only where one was sent.

    Nothing of the person stands in it unless the scope `profile` or `email` was granted.
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
    """Return what `profile` and `email` each allow (OpenID Connect Core section 5.4)."""
    claims: dict[str, object] = {}
    if "profile" in scopes:
        claims["name"] = account.name
    if "email" in scopes:
        claims |= {"email": account.email, "email_verified": account.email_verified_at is not None}
    return claims


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """What an ID token of ours says about a log-in, perhaps long ago."""

    sub: str
    client_id: str
    sid: str | None


class IdTokenHintReader(Protocol):
    """Reads ID tokens that come back as hints."""

    def read(self, id_token: str) -> IdTokenHint | None:
        """Return the hint if we signed it, expired or not; None otherwise, and for every other kind of token."""


@dataclass(frozen=True, slots=True)
class HintKey:
    """The public half of a former signing key, in DER; hints are read with it until `keep_until` (unix seconds)."""

    kid: str
    public_key: bytes
    keep_until: float


class HintKeys(Protocol):
    """Where public halves are kept after their private ones were removed. They are never published."""

    def add(self, key: HintKey) -> None:
        """Keep one; nothing changes when it is there."""

    def get(self, kid: str) -> HintKey | None:
        """Find by the key's id."""

    def delete(self, kid: str) -> bool:
        """Take one out; False when it was not there."""
