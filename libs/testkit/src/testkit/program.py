"""A public client as it is installed on somebody's machine: the authorization code grant with PKCE (RFC 8252)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from testkit.callers import Door
from testkit.surfer import Surfer

CALLBACK = "http://127.0.0.1:49152/callback"  # nobody listens: the surfer stops before it


@dataclass
class Program:
    """The public client `client_id`, before one person's browser."""

    gate: Door
    surfer: Surfer
    client_id: str = "cli"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def request(self, **changes: str | None) -> str:
        """Give an authorization request; None takes a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid email orders:read profile:read",
            "state": "the-state",
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        } | changes
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{self.gate.url}/oauth/authorize?{query}"

    def code(self, **changes: str | None) -> str:
        """Have the person log in, and give the code that comes back."""
        return self.answer(**changes)["code"]

    def answer(self, **changes: str | None) -> dict[str, str]:
        """Likewise, all parameters of the answer."""
        arrived = urlsplit(self.surfer.arrive(self.request(**changes)))
        return {name: values[0] for name, values in parse_qs(arrived.query).items()}

    def redeem(self, code: str, **changes: str | None) -> requests.Response:
        """Present a code at the token endpoint; None takes a parameter out."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code": code,
            "code_verifier": self.verifier,
        } | changes
        return self.gate("POST", "/oauth/token", data=form)

    def log_in(self) -> dict[str, Any]:
        """Give the token answer of a whole log-in."""
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
