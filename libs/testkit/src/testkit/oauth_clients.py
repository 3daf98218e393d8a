"""OAuth clients: a native app (RFC 8252) and a confidential client with a key (RFC 7523)."""

import base64
import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import requests

from testkit.browser import Browser
from testkit.http_client import HttpClient

CALLBACK = "http://127.0.0.1:49152/callback"  # no server listens there: the browser stops before it
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"


@dataclass
class NativeApp:
    """The public client `client_id` at one user's browser: authorization code grant with PKCE.

    In every request `changes` replace parameters; None leaves one out.
    """

    server: HttpClient
    browser: Browser
    client_id: str = "cli"
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorization_url(self, **changes: str | None) -> str:
        """Return the URL of an authorization request."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email orders:read profile:read",
            "state": "the-state",
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        } | changes
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return f"{self.server.url}/oauth/authorize?{query}"

    def authorize(self, **changes: str | None) -> dict[str, str]:
        """Log in at the browser and return the parameters of the authorization response."""
        return parameters_of(self.browser.authorize(self.authorization_url(**changes)))

    def code(self, **changes: str | None) -> str:
        """Log in at the browser and return the authorization code."""
        return self.authorize(**changes)["code"]

    def redeem(self, code: str, **changes: str | None) -> requests.Response:
        """Present a code at the token endpoint."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": code,
            "code_verifier": self.verifier,
        } | changes
        return self.server("POST", "/oauth/token", data=form)

    def refresh(self, token: str, **changes: str | None) -> requests.Response:
        """Present a refresh token at the token endpoint."""
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": token}
        return self.server("POST", "/oauth/token", data=form | changes)

    def authorize_device(self, scope: str = "orders:read profile:read") -> dict[str, Any]:
        """Return the device authorization response (RFC 8628)."""
        form = {"client_id": self.client_id, "scope": scope}
        answer = self.server("POST", "/oauth/device_authorization", data=form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def redeem_device(self, device: dict[str, Any], **changes: str | None) -> requests.Response:
        """Present a device code at the token endpoint."""
        form = {"grant_type": DEVICE_CODE, "client_id": self.client_id, "device_code": device["device_code"]}
        return self.server("POST", "/oauth/token", data=form | changes)

    def log_in(self) -> dict[str, Any]:
        """Log in at the browser and return the token answer."""
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@dataclass(frozen=True)
class ConfidentialClient:
    """The confidential client `client_id`, which authenticates with its private key (`private_key_jwt`)."""

    client_id: str
    key: str = field(repr=False)
    server: HttpClient
    issuer: str

    @classmethod
    def from_keys_dir(
        cls, keys_dir: Path, client_id: str, server: HttpClient, issuer: str
    ) -> "ConfidentialClient":
        """Return the client with its key from a cluster's folder."""
        return cls(client_id, (keys_dir / "clients" / f"{client_id}.pem").read_text(), server, issuer)

    def assertion(
        self, *, key: Any = None, algorithm: str = "RS256", headers: Any = None, **changes: Any
    ) -> str:
        """Return a client assertion; `changes` replace claims."""
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": uuid.uuid4().hex}
        times = {"iat": now, "exp": now + 60}
        return jwt.encode(
            {**claims, **times, **changes}, self.key if key is None else key, algorithm, headers=headers
        )

    def post(self, path: str = "/oauth/token", **form: Any) -> requests.Response:
        """Send a form with a client assertion."""
        proof = {"client_assertion_type": JWT_BEARER, "client_assertion": self.assertion()}
        return self.server("POST", path, data={**proof, **form})

    def client_credentials(self, **form: Any) -> requests.Response:
        """Ask for a token of the client's own, by default for users-service."""
        base = {"grant_type": "client_credentials", "audience": "users-service"}
        return self.post(**{**base, **form})

    def exchange(self, subject_token: str | None, **form: Any) -> requests.Response:
        """Exchange a user's access token, by default for one for users-service (RFC 8693)."""
        base = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "audience": "users-service",
        }
        return self.post(**{**base, **form})


def parameters_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL, of repeated ones the first."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
