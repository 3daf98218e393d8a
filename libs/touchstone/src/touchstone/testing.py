"""An issuer in memory for tests of your own app; its tokens are signed and verified like real ones."""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from touchstone.claims import AccessClaims
from touchstone.errors import UnknownStatus
from touchstone.keys import Key, KeySet
from touchstone.policy import Policy
from touchstone.status import StatusList
from touchstone.verifier import Verifier

_SIZE = 8192  # bits of the status list; indexes repeat after that many tokens


class InMemoryIssuer:
    """Signs, revokes and verifies tokens by the rules of an `Issuer`, without network, files or threads.

    Pass it to `Touchstone` instead of an `Issuer`. `now` returns seconds since the epoch.
    """

    def __init__(
        self,
        url: str = "https://issuer.example",
        *,
        audience: str = "an-api",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self.audience = audience
        self._now = now
        self._uri = f"{url}/status-lists/1"
        self._bits = bytearray(_SIZE // 8)
        self._issued = 0
        self._publish()
        keys = KeySet({"test": Key("test", _key().public_key())})
        policy = Policy(url, audience)
        self._verifier = Verifier(policy, lambda: keys, lists=self._listed, now=now)

    def token(self, *scopes: str, subject: str = "alice", **claims: Any) -> str:
        """Return a valid token of `subject` with these scopes, for 5 minutes.

        Other claims are added or replace the default ones: `token(exp=0)` has expired. A claim that is None is left out.
        """
        now = int(self._now())
        index, self._issued = self._issued % _SIZE, self._issued + 1
        all_claims = {
            "iss": self.url,
            "sub": subject,
            "aud": self.audience,
            "exp": now + 300,
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "client_id": "tests",
            "scope": " ".join(scopes),
            "status": {"status_list": {"idx": index, "uri": self._uri}},
            **claims,
        }
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "test"}
        present = {name: value for name, value in all_claims.items() if value is not None}
        signed = f"{_encode(_json(header))}.{_encode(_json(present))}"
        return f"{signed}.{_encode(_key().sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def headers(self, *scopes: str, subject: str = "alice", **claims: Any) -> dict[str, str]:
        """Return the request headers with such a token."""
        return {"Authorization": f"Bearer {self.token(*scopes, subject=subject, **claims)}"}

    def revoke(self, token: str) -> None:
        """End the session of a valid token, so that it is refused as RevokedToken; raise TokenError for any other."""
        status = self.verify(token).status
        if status is None:
            raise ValueError("the token has no status claim, so it cannot be revoked")
        self._bits[status.index // 8] |= 1 << status.index % 8
        self._publish()

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:  # noqa: ARG002 - always fresh
        """Return the claims of a valid token; raise TokenError for any other."""
        return self._verifier.verify(token)

    def ready(self) -> bool:
        """Return True, for a readiness probe."""
        return True

    def health(self) -> dict[str, object]:
        """Return the health of an `Issuer` with keys."""
        return {"keys": 1, "age": 0.0, "last_error": None}

    def close(self) -> None:
        """Do nothing, as there are no threads to stop."""

    def _listed(self, uri: str) -> StatusList:
        if uri != self._uri:
            raise UnknownStatus
        return self._list

    def _publish(self) -> None:
        self._list = StatusList(self._uri, 1, bytes(self._bits), self._now())


@cache
def _key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)  # once per process, as it takes a while


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
