"""A signer that keeps the claims, and the reader of its tokens."""

from dataclasses import dataclass

from auth_service.domain.oauth.access_token import VerifiedToken
from auth_service.domain.sessions.status_bits import StatusRef


class FakeSigner:
    """Signs nothing, and keeps the claims: `claims[token]`."""

    def __init__(self):
        self.claims = {}

    def sign(self, claims, *, typ):
        token = f"{typ}-{len(self.claims)}"
        self.claims[token] = dict(claims)
        return token


@dataclass
class FakeReader:
    """The domain's TokenReader over what the FakeSigner signed."""

    signer: FakeSigner

    def read(self, token, audience):
        found = self.read_any(token)
        return found if found and audience in found.audiences else None

    def read_any(self, token):
        claims = self.signer.claims.get(token)
        if claims is None:
            return None
        audience = claims["aud"]
        return VerifiedToken(
            subject=claims["sub"],
            client_id=claims["client_id"],
            audiences=(audience,) if isinstance(audience, str) else tuple(audience),
            scopes=frozenset(claims["scope"].split()),
            roles=frozenset(claims["roles"]),
            expires_at=claims["exp"],
            issued_at=claims["iat"],
            token_id=claims["jti"],
            session_id=claims.get("sid"),
            auth_time=claims.get("auth_time"),
            actors=_chain(claims.get("act")),
            status=_status(claims.get("status")),
        )


def _chain(act):
    return () if act is None else (act["sub"], *_chain(act.get("act")))


def _status(claim):
    if claim is None:
        return None
    listed = claim["status_list"]
    return StatusRef(int(listed["uri"].rpartition("/")[2]), listed["idx"])
