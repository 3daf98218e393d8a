"""The cluster that the tests across services share, and its users.

One cluster of real processes serves all folders below, in each worker. If TOUCHSTONE_GATEWAY_URL is set, the tests use
the cluster behind that address instead, and those that need a service's own port or process are skipped. With
TOUCHSTONE_GATEWAY=envoy the gateway of the cluster is Envoy, and the table in deploy/envoy/README.md holds which tests
must fail.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from testkit.browser import Browser
from testkit.cluster import DEMO_PASSWORD
from testkit.envoy import EnvoyCluster
from testkit.external_programs import install_packages
from testkit.forked_cluster import ForkedCluster
from testkit.http_client import HttpClient, RawClient
from testkit.oauth_clients import ConfidentialClient, NativeApp
from testkit.token_signer import claims_of
from testkit.user import User

GATEWAY_URL = os.environ.get("TOUCHSTONE_GATEWAY_URL", "").rstrip("/")
PASSWORD = os.environ.get("DEMO_PASSWORD", DEMO_PASSWORD)
ENVOY = os.environ.get("TOUCHSTONE_GATEWAY") == "envoy"
HERE = Path(__file__).parent
# A row: test (and `case`, a part of the parameters' id), what differs, why.
DIFFERENCE = re.compile(r"^\| `(test_\w+)`(?: `(.+?)`)? \| (.+?) \|", re.MULTILINE)


def mark_differences(items):
    """Expect the failures that the table names, and no other one."""
    table = DIFFERENCE.findall((HERE.parent / "deploy/envoy/README.md").read_text())
    for item in items:
        for test, case, reason in table:
            if item.originalname == test and case in item.name and "direct" not in item.name:
                item.add_marker(pytest.mark.xfail(reason=f"{test} {case}: {reason}", strict=True))


def pytest_collection_modifyitems(items):
    if ENVOY:
        mark_differences(items)
    if not GATEWAY_URL:
        return
    hidden = pytest.mark.skip(reason="only the gateway of the given cluster can be reached")
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("compose") is None:
            item.add_marker(hidden)


@pytest.fixture(scope="package")
def mail_folders() -> dict[str, Path]:
    """The mail folder of a cluster, by its gateway's URL; TOUCHSTONE_MAIL_DIR is that of a given cluster."""
    folder = os.environ.get("TOUCHSTONE_MAIL_DIR")
    return {GATEWAY_URL: Path(folder)} if GATEWAY_URL and folder else {}


@pytest.fixture
def mail_folder(cluster, mail_folders) -> Path:
    """The folder with the mail of the shared cluster."""
    gateway = cluster.urls["gateway"]
    if gateway not in mail_folders:
        pytest.skip("the mail of the given cluster cannot be read: set TOUCHSTONE_MAIL_DIR")
    return mail_folders[gateway]


@pytest.fixture(scope="package")
def cluster(mail_folders) -> Iterator[Any]:
    """The shared cluster, which no test may stop, break or rotate; of a given one only `.urls["gateway"]`."""
    if GATEWAY_URL:
        yield SimpleNamespace(urls={"gateway": GATEWAY_URL})
        return
    with EnvoyCluster() if ENVOY else ForkedCluster({"RATE_LIMITS": "off"}) as running:
        mail_folders[running.gateway] = running.mail_folder
        yield running


@pytest.fixture(scope="package")
def client_at() -> Iterator[Callable[[str], HttpClient]]:
    """`client_at(url)`: the HttpClient of that base URL."""
    clients: dict[str, HttpClient] = {}
    yield lambda url: clients.setdefault(url, HttpClient(url))
    for each in clients.values():
        each.close()


@pytest.fixture(scope="package")
def gateway(cluster, client_at) -> HttpClient:
    return client_at(cluster.urls["gateway"])


@pytest.fixture
def raw_client() -> Iterator[Callable[[str], RawClient]]:
    """`raw_client(url)`: a new RawClient, for requests that no client library would send."""
    clients: list[RawClient] = []

    def connect(url: str) -> RawClient:
        clients.append(RawClient(url))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


@pytest.fixture(scope="package")
def alice(gateway) -> User:
    return User(gateway, "alice@example.com", PASSWORD)


@pytest.fixture(scope="package")
def bob(gateway) -> User:
    return User(gateway, "bob@example.com", PASSWORD)


@pytest.fixture(scope="package")
def admin(gateway) -> User:
    return User(gateway, "admin@example.com", PASSWORD)


@pytest.fixture(scope="package")
def new_user(gateway, mail_folders) -> Callable[..., User]:
    """`new_user(client)`: a user registered through the gateway, or `client`, with a verified address."""
    return lambda client=gateway: User.register(client, mail_folders.get(client.url))


@pytest.fixture(scope="package")
def native_app() -> Callable[..., NativeApp]:
    """`native_app(user)`: the public client `cli` (or `client_id`) at the user's browser."""
    return lambda user, client_id="cli": NativeApp(user.client, Browser(user.email, user.password), client_id)


@pytest.fixture(scope="package")
def confidential_client(cluster, gateway, alice) -> Callable[[str], ConfidentialClient]:
    """`confidential_client(client_id)`: this client of the shared cluster."""
    issuer = claims_of(alice.token)["iss"]
    return lambda client_id: ConfidentialClient.from_keys_dir(cluster.keys_dir, client_id, gateway, issuer)


@pytest.fixture(scope="package")
def npm_packages(tmp_path_factory) -> Path:
    """A copy of tests/npm with its packages."""
    return install_packages(HERE / "npm", tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="package")
def run_node(npm_packages) -> Callable[[str, Any], Any]:
    """`run_node(script, question)`: the answer of a script of tests/npm, both in JSON."""

    def run(script: str, question: Any) -> Any:
        done = subprocess.run(
            ["node", script],
            cwd=npm_packages,
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="package")
def sku(gateway) -> str:
    """A product that can be ordered."""
    return gateway("GET", "/products").json()["items"][0]["sku"]


@pytest.fixture(scope="package")
def place_order(gateway, sku) -> Callable[..., requests.Response]:
    """`place_order(token)`: order one product, at the gateway or `at` another client, with an idempotency `key`."""

    def place(token: str, at: HttpClient = gateway, key: str | None = None, quantity: int = 1) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"items": [{"sku": sku, "quantity": quantity}]}
        return at("POST", "/orders", token=token, json=body, headers=headers)

    return place
