"""Those who call the services in tests: a program, a bare wire, and a person with an account."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from requests.adapters import HTTPAdapter

PATIENCE = 120.0  # seconds on a busy machine, for what must happen and has no promise of its own
_RENEW_BEFORE = 150.0  # seconds left of a token that a test may still be handed


class Door:
    """One base address, asked the way a program would: no proxy, no redirect, bounded time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=64))

    def __call__(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """Send one request and return the answer, whatever it is."""
        headers = dict(options.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method, self.url + path, headers=headers, timeout=PATIENCE, allow_redirects=False, **options
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


@dataclass(frozen=True)
class Answer:
    """An answer as it came over the wire; header names in lower case, of repeated ones the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A kept connection that sends header lines as they are: repeated, empty, in any spelling."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._connection: http.client.HTTPConnection | None = None

    def __call__(
        self, method: str, target: str, *lines: tuple[str, str | bytes], body: bytes = b""
    ) -> Answer:
        """Send one request; once more if the kept connection turns out to have ended."""
        if self._connection is not None:
            try:
                return self._ask(method, target, lines, body)
            except (http.client.BadStatusLine, ConnectionError):
                self.close()
        return self._ask(method, target, lines, body)

    def _ask(
        self, method: str, target: str, lines: tuple[tuple[str, str | bytes], ...], body: bytes
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
        self._connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in lines:
            self._connection.putheader(name, value)
        if body or method != "GET":
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body or None)
        response = self._connection.getresponse()
        content = response.read()
        if response.will_close:
            self.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Person:
    """Somebody with an account, who logs in through one door."""

    door: Door
    email: str
    password: str
    _answer: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def log_in(self, **narrowed: Any) -> dict[str, Any]:
        """Start a session of its own and return the token answer."""
        answer = self.door(
            "POST", "/login", json={"email": self.email, "password": self.password, **narrowed}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def token(self) -> str:
        """An access token for everything this account may do, good for two more minutes at least."""
        with self._lock:
            if (
                not self._answer
                or read_claims(self._answer["access_token"])["exp"] - time.time() < _RENEW_BEFORE
            ):
                self._answer = self.log_in()
            return str(self._answer["access_token"])

    @property
    def sub(self) -> str:
        """Who this is to the services."""
        return str(read_claims(self.token)["sub"])


def read_claims(token: str) -> dict[str, Any]:
    """Return a token's claims, believing everything."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def wait_for(what: Callable[[], Any], within: float = PATIENCE, hope: str = "it") -> Any:
    """Ask until the answer is true, and return it; fail after `within` seconds."""
    end = time.monotonic() + within
    while not (answer := what()):
        assert time.monotonic() < end, f"{hope} did not happen within {within:g} s"
        time.sleep(0.02)
    return answer
