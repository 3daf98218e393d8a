"""Magic links and device codes: used twice, in another browser, or by another client."""

import json

import pytest
from testkit.concurrency import at_once, wait_for
from testkit.http_client import HttpClient
from testkit.oauth_clients import parameters_of

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def mailed(cluster, gateway, new_user):
    """`mailed()`: the token of a magic link, and the binding that its asker holds."""

    def links():
        lines = (line for line in cluster.log("auth-service").splitlines() if '"event": "mail"' in line)
        return [json.loads(line)["link"] for line in lines]

    def ask():
        user = new_user()
        before = len(links())
        answer = gateway("POST", "/magic-links", json={"email": user.email})
        assert answer.status_code == 202, answer.text
        new = wait_for(lambda: [link for link in links()[before:] if "/magic-links/" in link])
        return parameters_of(new[-1])["token"], answer.json()["binding"]

    return ask


@pytest.fixture
def elsewhere(gateway):
    """A client of the gateway without cookies."""
    other = HttpClient(gateway.url)
    yield other
    other.close()


@pytest.fixture
def start(gateway):
    def begin(scope="profile:read"):
        answer = gateway("POST", "/oauth/device_authorization", data={"client_id": "cli", "scope": scope})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return begin


@pytest.fixture
def poll(gateway):
    def ask(device, client_id="cli"):
        form = {"grant_type": DEVICE, "client_id": client_id, "device_code": device["device_code"]}
        return gateway("POST", "/oauth/token", data=form)

    return ask


def test_magic_link_raced_logs_in_once(gateway, mailed):
    """CVE-2026-22751 (Spring Security): the one-time token was checked first and deleted later."""
    token, binding = mailed()
    body = {"token": token, "binding": binding}

    answers = at_once(8, lambda: gateway("POST", "/magic-links/redeem", json=body).status_code)

    assert answers.count(200) == 1
    assert set(answers) == {200, 401}


@pytest.mark.parametrize("binding", [None, "", "A" * 43])
def test_stolen_magic_link_is_refused(gateway, elsewhere, mailed, binding):
    """CVE-2026-22751 (Spring Security): the token alone opened the session."""
    token, right = mailed()

    answer = elsewhere("POST", "/magic-links/redeem", json={"token": token, "binding": binding})

    assert answer.status_code in (400, 401, 422)
    assert "access_token" not in answer.text
    body = {"token": token, "binding": right}
    assert gateway("POST", "/magic-links/redeem", json=body).status_code == 200


def test_device_of_disabled_account_gets_no_token(own, gateway, admin, start, poll):
    """CVE-2026-88770, CVE-2026-16103 (Keycloak): an account disabled after the approval still got tokens."""
    user, app = own
    device = start()
    app.browser.complete(device["verification_uri_complete"])
    gateway("POST", f"/admin/accounts/{user.sub}/disable", token=admin.token)

    answer = poll(device)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "access_denied", "expired_token"}


def test_device_code_of_other_client_is_refused(app, start, poll):
    """CVE-2026-16089 (Keycloak): codes could be redeemed by another client."""
    device = start()
    app.browser.complete(device["verification_uri_complete"])

    assert poll(device, "console").status_code in (400, 401)
    assert poll(device).status_code == 200


def test_device_code_raced_is_redeemed_once(app, start, poll):
    """supabase/auth#2613, thephpleague/oauth2-server#1306: codes were checked first and invalidated later."""
    device = start()
    app.browser.complete(device["verification_uri_complete"])

    answers = at_once(8, lambda: poll(device).status_code)

    assert answers.count(200) == 1
    assert set(answers) == {200, 400}


def test_opening_device_page_approves_nothing(app, start, poll):
    """CVE-2022-39222 (Dex), ory/hydra#770: a victim was led through a flow that an attacker had started."""
    app.code()  # logged in already
    device = start()

    page = app.browser.get(device["verification_uri_complete"])

    assert page.status_code == 200
    assert poll(device).json()["error"] == "authorization_pending"
