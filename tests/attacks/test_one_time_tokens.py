"""Magic links and device codes: used twice, in another browser, or by another client."""

import pytest
from testkit.concurrency import at_once
from testkit.http_client import HttpClient
from testkit.user import mailed_token


@pytest.fixture
def mailed(gateway, new_user, mail_folder):
    """`mailed()`: the token of a magic link, and the binding that its asker holds."""

    def ask():
        user = new_user()
        answer = gateway("POST", "/magic-links", json={"email": user.email})
        assert answer.status_code == 202, answer.text
        token = mailed_token(mail_folder, user.email, path="/magic-links/redeem")
        return token, answer.json()["binding"]

    return ask


@pytest.fixture
def elsewhere(gateway):
    """A client of the gateway without cookies."""
    other = HttpClient(gateway.url)
    yield other
    other.close()


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


def test_device_of_disabled_account_gets_no_token(own, gateway, admin):
    """CVE-2026-88770, CVE-2026-16103 (Keycloak): an account disabled after the approval still got tokens."""
    user, app = own
    device = app.authorize_device()
    app.browser.complete(device["verification_uri_complete"])
    gateway("POST", f"/admin/accounts/{user.sub}/disable", token=admin.token)

    answer = app.redeem_device(device)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "access_denied", "expired_token"}


def test_device_code_of_other_client_is_refused(app):
    """CVE-2026-16089 (Keycloak): codes could be redeemed by another client."""
    device = app.authorize_device()
    app.browser.complete(device["verification_uri_complete"])

    assert app.redeem_device(device, client_id="console").status_code in (400, 401)
    assert app.redeem_device(device).status_code == 200


def test_device_code_raced_is_redeemed_once(app):
    """supabase/auth#2613, thephpleague/oauth2-server#1306: codes were checked first and invalidated later."""
    device = app.authorize_device()
    app.browser.complete(device["verification_uri_complete"])

    answers = at_once(8, lambda: app.redeem_device(device).status_code)

    assert answers.count(200) == 1
    assert set(answers) == {200, 400}


def test_opening_device_page_approves_nothing(app):
    """CVE-2022-39222 (Dex), ory/hydra#770: a victim was led through a flow that an attacker had started."""
    app.code()  # logged in already
    device = app.authorize_device()

    page = app.browser.get(device["verification_uri_complete"])

    assert page.status_code == 200
    assert app.redeem_device(device).json()["error"] == "authorization_pending"
