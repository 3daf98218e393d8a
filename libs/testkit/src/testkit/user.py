"""A user of the services: registers, logs in, and follows mailed links."""

import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import requests

from testkit.concurrency import wait_for
from testkit.http_client import HttpClient
from testkit.token_signer import claims_of

_RENEW_BEFORE_SECONDS = 150.0
_TOKEN = re.compile(r"\?token=([A-Za-z0-9_-]+)")


@dataclass
class User:
    """An account, and the client through which its owner logs in."""

    client: HttpClient
    email: str
    password: str
    _answer: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def register(cls, client: HttpClient, mail_folder: Path | None = None, name: str = "New") -> "User":
        """Create an account of a random address, and verify that where `mail_folder` can be read."""
        user = cls(client, f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16))
        answer = client("POST", "/accounts", json={**user.credentials, "name": name})
        assert answer.status_code == 201, answer.text
        if mail_folder is not None:
            token = mailed_token(mail_folder, user.email, path="/account/verification")
            verified = client("POST", "/account/verification/confirm", json={"token": token})
            assert verified.status_code == 204, verified.text
        return user

    @property
    def credentials(self) -> dict[str, str]:
        """The body of a log-in."""
        return {"email": self.email, "password": self.password}

    def log_in(self, **narrowed: Any) -> dict[str, Any]:
        """Start a new session and return the token answer."""
        answer = self.client("POST", "/login", json={**self.credentials, **narrowed})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, token: str, **changes: str) -> requests.Response:
        """Present a refresh token at the token endpoint."""
        form = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.client("POST", "/oauth/token", data=form)

    @property
    def token(self) -> str:
        """An access token for everything the account may do, valid for at least two more minutes."""
        with self._lock:
            if (
                not self._answer
                or claims_of(self._answer["access_token"])["exp"] - time.time() < _RENEW_BEFORE_SECONDS
            ):
                self._answer = self.log_in()
            return str(self._answer["access_token"])

    @property
    def sub(self) -> str:
        """The account's subject identifier."""
        return str(claims_of(self.token)["sub"])


def mailed_token(folder: Path, address: str, *, path: str, timeout: float = 60.0) -> str:
    """Wait for a mail to `address` with a link to `path` and return the token of the newest; AssertionError if none comes."""
    return str(_TOKEN.findall(mailed_text(folder, address, path=path, timeout=timeout))[-1])


def mailed_text(folder: Path, address: str, *, path: str, timeout: float = 60.0) -> str:
    """Wait for a mail to `address` with a link to `path` and return the text of the newest; AssertionError if none comes."""

    def newest() -> str | None:
        for file in sorted(folder.glob("*.eml"), reverse=True):
            mail = message_from_bytes(file.read_bytes(), policy=default)
            body = mail.get_body()
            text = body.get_content() if body else ""
            if mail["To"] == address and f"{path}?token=" in text:
                return str(text)
        return None

    return str(wait_for(newest, timeout, f"a mail with a link to {path}"))
