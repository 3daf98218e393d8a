"""The cluster that the tests across services talk to, and the people who talk to it.

One cluster of real processes serves all folders below, in each worker. With TOUCHSTONE_GATEWAY_URL in the environment the tests talk to
the cluster behind that address instead, and whatever needs a service's own port or process is skipped.
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from testkit.callers import Door, Person, Wire, read_claims, wait_for
from testkit.mails import mailed_token
from testkit.preloaded import Cluster
from testkit.program import Program
from testkit.surfer import Surfer

GIVEN = os.environ.get("TOUCHSTONE_GATEWAY_URL", "").rstrip("/")
PASSWORD = os.environ.get("DEMO_PASSWORD", "correct-horse-battery-staple")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    if not GIVEN:
        return
    hidden = pytest.mark.skip(reason="the given cluster shows its gateway only")
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("compose") is None:
            item.add_marker(hidden)


@dataclass(frozen=True)
class Given:
    """A cluster that somebody else runs, known by its gateway alone."""

    urls: Mapping[str, str]


@pytest.fixture(scope="package")
def mail_folders() -> dict[str, Path]:
    """Where the mail of the cluster behind a gateway's address can be read; TOUCHSTONE_MAIL_DIR says it of a given one."""
    given = os.environ.get("TOUCHSTONE_MAIL_DIR")
    return {GIVEN: Path(given)} if GIVEN and given else {}


@pytest.fixture(scope="package")
def cluster(mail_folders) -> Iterator[Any]:
    """The one cluster of all tests here: `.urls` by service name; nobody may stop, break or rotate it."""
    if GIVEN:
        yield Given({"gateway": GIVEN})
        return
    with Cluster({"RATE_LIMITS": "off"}) as running:
        mail_folders[running.gateway] = running.mail_folder
        yield running


@pytest.fixture(scope="package")
def door() -> Iterator[Callable[[str], Door]]:
    """`door(url)`: a Door to that base address."""
    opened: dict[str, Door] = {}
    yield lambda url: opened.setdefault(url, Door(url))
    for each in opened.values():
        each.close()


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def alice(gateway) -> Person:
    return Person(gateway, "alice@example.com", PASSWORD)


@pytest.fixture(scope="package")
def bob(gateway) -> Person:
    return Person(gateway, "bob@example.com", PASSWORD)


@pytest.fixture(scope="package")
def admin(gateway) -> Person:
    return Person(gateway, "admin@example.com", PASSWORD)


@pytest.fixture(scope="package")
def newcomer(gateway, mail_folders) -> Callable[..., Person]:
    """`newcomer()`: somebody who just made an account, at `at` or at the gateway, and verified its address."""

    def sign_up(at: Door = gateway) -> Person:
        person = Person(at, f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16))
        answer = at(
            "POST", "/accounts", json={"email": person.email, "password": person.password, "name": "New"}
        )
        assert answer.status_code == 201, answer.text
        if at.url in mail_folders:
            token = mailed_token(mail_folders[at.url], person.email, path="/account/verification")
            verified = at("POST", "/account/verification/confirm", json={"token": token})
            assert verified.status_code == 204, verified.text
        return person

    return sign_up


@pytest.fixture(scope="package")
def program_of() -> Callable[..., Program]:
    """`program_of(person)`: the public client `cli` (or `client_id`) at that person's browser."""
    return lambda person, client_id="cli": Program(
        person.door, Surfer(person.email, person.password), client_id
    )


@pytest.fixture(scope="package")
def claims_of() -> Callable[[str], dict[str, Any]]:
    return read_claims


@pytest.fixture(scope="package")
def until() -> Callable[..., Any]:
    return wait_for


@pytest.fixture(scope="package")
def person() -> type[Person]:
    return Person


@pytest.fixture(scope="package")
def foreign(tmp_path_factory) -> Callable[[str, Any], Any]:
    """`foreign(script, question)`: what a script of tests/npm answers; its packages are installed once, from the lock."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    place = tmp_path_factory.mktemp("npm") / "foreign"
    shutil.copytree(HERE / "npm", place, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=300, check=False)
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


@pytest.fixture(scope="package")
def sku(gateway) -> str:
    """Something that can be ordered."""
    return gateway("GET", "/products").json()["items"][0]["sku"]


@pytest.fixture(scope="package")
def place(gateway, sku) -> Callable[..., requests.Response]:
    """`place(token)`: order one thing, at the gateway or `at` another door, under an idempotency `key` or none."""

    def order(token: str, at: Door = gateway, key: str | None = None, quantity: int = 1) -> requests.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"items": [{"sku": sku, "quantity": quantity}]}
        return at("POST", "/orders", token=token, json=body, headers=headers)

    return order
