"""The cluster that the tests across services talk to, and the people who talk to it.

One cluster of real processes serves the whole session. With TOUCHSTONE_GATEWAY_URL in the environment the tests talk to
the cluster behind that address instead, and whatever needs a service's own port or process is skipped.
"""

import http.client
import json
import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from requests.adapters import HTTPAdapter
from testkit.cluster import Cluster

GIVEN = os.environ.get("TOUCHSTONE_GATEWAY_URL", "").rstrip("/")
PASSWORD = os.environ.get("DEMO_PASSWORD", "correct-horse-battery-staple")
HERE = Path(__file__).parent
PATIENCE = 30.0  # seconds, for what must happen and has no promise of its own
RENEW_BEFORE = 150.0  # seconds left of a token that a test may still be handed


def pytest_collection_modifyitems(items):
    if not GIVEN:
        return
    hidden = pytest.mark.skip(reason="the given cluster shows its gateway only")
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("compose") is None:
            item.add_marker(hidden)


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
        headers = dict(options.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method, self.url + path, headers=headers, timeout=PATIENCE, allow_redirects=False, **options
        )

    def close(self) -> None:
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
        for last in (False, True):
            fresh = self._connection is None
            try:
                return self._ask(method, target, lines, body)
            except (http.client.BadStatusLine, ConnectionError):
                self.close()
                if fresh or last:
                    raise
        raise AssertionError("unreachable")

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
        return answer.json()

    @property
    def token(self) -> str:
        """An access token for everything this account may do, good for two more minutes at least."""
        with self._lock:
            if not self._answer or read(self._answer["access_token"])["exp"] - time.time() < RENEW_BEFORE:
                self._answer = self.log_in()
            return self._answer["access_token"]

    @property
    def sub(self) -> str:
        return read(self.token)["sub"]


def read(token: str) -> dict[str, Any]:
    """Return a token's claims, believing everything."""
    return jwt.decode(token, options={"verify_signature": False})


def wait_for(what: Callable[[], Any], within: float = PATIENCE, hope: str = "it") -> Any:
    """Ask until the answer is true, and return it; fail after `within` seconds."""
    end = time.monotonic() + within
    while not (answer := what()):
        assert time.monotonic() < end, f"{hope} did not happen within {within:g} s"
        time.sleep(0.02)
    return answer


@dataclass(frozen=True)
class Given:
    """A cluster that somebody else runs, known by its gateway alone."""

    urls: Mapping[str, str]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """The one cluster of the session: `.urls` by service name; nobody may stop, break or rotate it."""
    if GIVEN:
        yield Given({"gateway": GIVEN})
        return
    with Cluster({"RATE_LIMITS": "off"}) as running:
        yield running


@pytest.fixture(scope="session")
def door() -> Iterator[Callable[[str], Door]]:
    """`door(url)`: a Door to that base address."""
    opened: dict[str, Door] = {}
    yield lambda url: opened.setdefault(url, Door(url))
    for each in opened.values():
        each.close()


@pytest.fixture(scope="session")
def gateway(cluster, door) -> Door:
    return door(cluster.urls["gateway"])


@pytest.fixture
def wire() -> Iterator[Callable[[str], Wire]]:
    """`wire(url)`: a kept connection to that base address, for requests that no client library would send."""
    opened: list[Wire] = []

    def open_wire(url: str) -> Wire:
        opened.append(Wire(url))
        return opened[-1]

    yield open_wire
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def alice(gateway) -> Person:
    return Person(gateway, "alice@example.com", PASSWORD)


@pytest.fixture(scope="session")
def bob(gateway) -> Person:
    return Person(gateway, "bob@example.com", PASSWORD)


@pytest.fixture(scope="session")
def admin(gateway) -> Person:
    return Person(gateway, "admin@example.com", PASSWORD)


@pytest.fixture(scope="session")
def newcomer(gateway) -> Callable[..., Person]:
    """`newcomer()`: somebody who just made an account, at `at` or at the gateway."""

    def sign_up(at: Door = gateway) -> Person:
        person = Person(at, f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16))
        answer = at(
            "POST", "/accounts", json={"email": person.email, "password": person.password, "name": "New"}
        )
        assert answer.status_code == 201, answer.text
        return person

    return sign_up


@pytest.fixture(scope="session")
def claims_of() -> Callable[[str], dict[str, Any]]:
    return read


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return wait_for


@pytest.fixture(scope="session")
def person() -> type[Person]:
    return Person


@pytest.fixture(scope="session")
def foreign(tmp_path_factory) -> Callable[[str, Any], Any]:
    """`foreign(script, question)`: what a script of tests/npm answers; its packages are installed once, from the lock."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    place = tmp_path_factory.mktemp("npm") / "foreign"
    shutil.copytree(HERE / "npm", place, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    def ask(script: str, question: Any) -> Any:
        command = ["node", script]
        told = subprocess.run(
            command,
            cwd=place,
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    return ask


@pytest.fixture(scope="session")
def sku(gateway) -> str:
    """Something that can be ordered."""
    return gateway("GET", "/products").json()["items"][0]["sku"]


@pytest.fixture(scope="session")
def place(gateway, sku) -> Callable[..., requests.Response]:
    """`place(token)`: order one thing, at the gateway or `at` another door, under an idempotency `key` or none."""

    def order(token: str, at: Door = gateway, key: str | None = None, quantity: int = 1) -> requests.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"items": [{"sku": sku, "quantity": quantity}]}
        return at("POST", "/orders", token=token, json=body, headers=headers)

    return order
