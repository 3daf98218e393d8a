"""Envoy with `touchstone authz` as the gateway: the contract, log-out, clients' addresses, and failures."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.envoy import EnvoyCluster, envoy_program
from testkit.http_client import HttpClient
from testkit.user import User

ROOT = Path(__file__).parents[2]
# Without services' own ports, without npm, and without browser sessions, which Envoy does not have.
CASES = "not direct and not official_schema and not test_browser_session"
CONTRACT = ["tests/contract", "tests/attacks/test_gateway.py", "tests/attacks/test_tokens.py"]
LISTED = re.compile(r"^\| `(test_\w+)`(?: `(.+?)`)? \|", re.MULTILINE)


def test_contract_differs_only_as_listed():
    """The table in deploy/envoy/README.md names the tests that must fail; tests/conftest.py expects it of them."""
    envoy_program()
    command = [
        sys.executable,
        "-m",
        "pytest",
        *CONTRACT,
        "-q",
        "-k",
        CASES,
        "-p",
        "no:cacheprovider",
        "-rfEx",
    ]
    settings = os.environ | {"TOUCHSTONE_GATEWAY": "envoy", "PYTEST_ADDOPTS": "", "REQUIRE_PROGRAMS": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=900, check=False
    )
    listed = LISTED.findall((ROOT / "deploy/envoy/README.md").read_text())

    assert done.returncode == 0, done.stdout[:8000] + done.stderr
    assert listed
    assert [row for row in listed if f"{row[0]} {row[1]}:" not in done.stdout] == []


@pytest.fixture(scope="module")
def cluster():
    with EnvoyCluster() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(cluster):
    client = HttpClient(cluster.gateway)
    yield client
    client.close()


@pytest.fixture
def alice(gateway):
    return User(gateway, "alice@example.com", DEMO_PASSWORD)


def test_logged_out_token_is_refused(gateway, alice, record_property):
    token = alice.log_in()["access_token"]
    assert gateway("GET", "/orders", token=token).status_code == 200
    assert gateway("POST", "/logout", token=token).status_code == 204
    start = time.monotonic()
    wait_for(
        lambda: gateway("GET", "/orders", token=token).status_code == 401, what="a refusal after log-out"
    )
    record_property("seconds", time.monotonic() - start)

    answer = gateway("GET", "/orders", token=token)
    assert answer.json()["type"] == "urn:touchstone:problem:revoked_token"


def test_forged_address_is_not_audited(gateway, alice):
    """For a client on its own machine Envoy writes the machine's address."""
    admin = User(gateway, "admin@example.com", DEMO_PASSWORD)
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    answer = gateway("POST", "/login", json=alice.credentials, headers=forged)
    audited = gateway("GET", "/admin/audit?event=logged_in&limit=100", token=admin.token)

    assert (answer.status_code, audited.status_code) == (200, 200)
    assert len({item["address"] for item in audited.json()["items"]} - {"203.0.113.9"}) == 1
    assert "203.0.113.9" not in audited.text


def test_responses_have_security_headers(gateway):
    for path in ("/products", "/orders", "/no/such/path"):
        headers = gateway("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Server"] == "touchstone"
        assert not [name for name in headers if name.lower().startswith("x-envoy")]


def test_service_that_is_down_is_503(cluster, gateway):
    cluster.stop_service("users-service")
    answer = gateway("GET", "/users/me", token=User(gateway, "bob@example.com", DEMO_PASSWORD).token)
    cluster.start_service("users-service")

    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_nothing_passes_without_authz(cluster, gateway, alice):
    """The last test of this cluster: it ends `touchstone authz`."""
    token = alice.log_in()["access_token"]
    assert gateway("GET", "/orders", token=token).status_code == 200
    cluster.authz.terminate()
    cluster.authz.wait(20)
    answer = gateway("GET", "/orders", token=token)

    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert gateway("GET", "/products").status_code == 200
    assert requests.get(cluster.gateway + "/readyz", timeout=20).status_code == 503
