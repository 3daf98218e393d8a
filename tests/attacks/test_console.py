"""The console's attacks on the running services: each forgery is refused by every process, for its reason."""

import json
import re

import pytest
from testkit.browser import Browser
from testkit.cluster import DEMO_PASSWORD

pytestmark = pytest.mark.compose
OWN = {"X-Requested-With": "touchstone"}
JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}")
NAMES = ["valid", "none", "hs256", "tampered", "unknown-key", "wrong-audience", "expired", "revoked"]


@pytest.fixture(scope="module", params=["alice@example.com", "admin@example.com"])
def browser(gateway, request):
    browser = Browser(request.param, DEMO_PASSWORD)
    browser.complete(f"{gateway.url}/bff/login?next=/bff/session")
    return browser


@pytest.fixture(scope="module")
def listed(gateway):
    return {each["id"]: each for each in gateway("GET", "/console/attacks").json()["items"]}


def send(browser, gateway, name, headers=OWN):
    return browser.session.post(f"{gateway.url}/console/attacks/{name}", headers=headers, timeout=30)


def test_list_needs_no_session(listed):
    assert list(listed) == NAMES
    assert not any(each["unavailable"] for each in listed.values())


@pytest.mark.parametrize("name", NAMES)
def test_each_process_answers_as_it_must(browser, gateway, listed, name):
    response = send(browser, gateway, name)
    assert response.status_code == 200, response.text
    answers = response.json()["answers"]
    services = {"gateway", "auth-service", "users-service", "orders-service"}
    assert services <= {each["service"] for each in answers}
    if name == "valid":
        wrong = [each for each in answers if (each["verdict"], each["status"]) != ("accepted", 200)]
    else:
        expected = listed[name]["expected"]
        wrong = [each for each in answers if each["verdict"] != "refused" or each["slug"] not in expected]
    assert wrong == []
    assert not JWT.search(json.dumps(response.json()))


def test_session_outlives_the_attacks_on_it(browser, gateway):
    assert send(browser, gateway, "revoked").status_code == 200
    found = browser.get(f"{gateway.url}/bff/session").json()
    assert found["authenticated"]
    assert found["claims"]["sid"] not in send(browser, gateway, "revoked").json()["claims"].values()


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 403), (OWN | {"Origin": "https://other.example"}, 403), (OWN, 200)]
)
def test_only_own_pages_can_attack(browser, gateway, headers, status):
    assert send(browser, gateway, "none", headers).status_code == status


def test_attack_needs_a_session(gateway):
    assert gateway("POST", "/console/attacks/none", headers=OWN).status_code == 401


def test_signed_tokens_are_not_public(gateway, alice):
    assert gateway("POST", "/demo/tokens", token=alice.token).status_code == 404
