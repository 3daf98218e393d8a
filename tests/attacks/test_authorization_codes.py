"""Authorization codes: stolen, used twice, used by other clients, or issued without PKCE."""

from urllib.parse import urlsplit

import pytest
from testkit.browser import Browser, forms_of
from testkit.concurrency import at_once
from testkit.oauth_clients import parameters_of
from testkit.token_signer import claims_of


def test_code_raced_is_redeemed_once(app):
    """oauthlib#618, thephpleague/oauth2-server#1306, supabase/auth#2613: codes were checked first and invalidated later."""
    code = app.code()

    answers = at_once(12, lambda: app.redeem(code))

    assert sorted(each.status_code for each in answers) == [200] + [400] * 11
    won = next(each.json() for each in answers if each.status_code == 200)
    # Reuse ended the session of the code (RFC 6749 section 4.1.2).
    assert app.refresh(won["refresh_token"]).json()["error"] == "invalid_grant"


def test_code_of_other_client_is_refused(app):
    """CVE-2026-16089 (Keycloak): codes could be redeemed by another client."""
    code = app.code()

    assert app.redeem(code, client_id="console").json()["error"] == "invalid_grant"
    assert app.redeem(code).status_code == 200


WITHOUT_PKCE = {
    "no challenge": {"code_challenge": None, "code_challenge_method": None},
    "a method without a challenge": {"code_challenge": None},
    "a challenge without a method": {"code_challenge_method": None},
    "plain": {"code_challenge_method": "plain"},
    "an empty challenge": {"code_challenge": ""},
    "a short challenge": {"code_challenge": "short"},
}


@pytest.mark.parametrize("case", list(WITHOUT_PKCE))
def test_code_without_pkce_is_refused(app, case):
    """kanidm#1097, thephpleague/oauth2-server#1323 (RFC 9700 section 4.8): PKCE downgrade."""
    answer = app.browser.get(app.authorization_url(**WITHOUT_PKCE[case]))

    assert "error=invalid_request" in answer.headers["Location"]


@pytest.mark.parametrize("verifier", [None, "", "a" * 43, "x", "a" * 129])
def test_wrong_code_verifier_is_refused(app, verifier):
    """kanidm#1097, thephpleague/oauth2-server#1323 (RFC 9700 section 4.8): PKCE downgrade at the token endpoint."""
    answer = app.redeem(app.code(), code_verifier=verifier)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_challenge_as_verifier_is_refused(app):
    """OWASP/ASVS#2041: the challenge was accepted as the verifier."""
    challenge = parameters_of(app.authorization_url())["code_challenge"]

    answer = app.redeem(app.code(), code_verifier=challenge)

    assert answer.json()["error"] == "invalid_grant"


def test_request_replayed_in_other_browser_asks_password(app, bob):
    """CVE-2022-39222 (Dex): a malicious page got the approved code by repeating the request."""
    request = app.authorization_url()
    app.browser.authorize(request)
    elsewhere = Browser(bob.email, bob.password)

    answer = elsewhere.get(request)

    assert "password" in forms_of(answer)[0].fields
    assert "Location" not in answer.headers


def test_form_from_other_browser_is_403(app, bob):
    """ory/hydra#770: a log-in started in one browser could be finished in another."""
    page = app.browser.get(app.authorization_url())
    elsewhere = Browser(bob.email, bob.password)

    answer = elsewhere.submit(page, email=bob.email, password=bob.password)

    assert answer.status_code == 403
    assert "Location" not in answer.headers


def test_code_with_other_redirect_uri_is_refused(app):
    """CVE-2019-11269 (Spring Security OAuth): the redirect URI at the token endpoint was not compared."""
    answer = app.redeem(app.code(), redirect_uri="http://127.0.0.1:49153/callback")

    assert answer.json()["error"] == "invalid_grant"


def test_next_user_of_browser_gets_own_session(app, bob, gateway):
    """CVE-2025-12390 (Keycloak): after a log-out the next user of the browser got the session of the one before."""
    first = app.log_in()
    before = dict(app.browser.session.cookies)
    app.browser.get(f"{gateway.url}/oauth/logout?id_token_hint={first['id_token']}")
    app.browser.email, app.browser.password = bob.email, bob.password

    second = claims_of(app.log_in()["access_token"])

    assert second["sub"] == bob.sub
    assert second["sid"] != claims_of(first["access_token"])["sid"]
    assert app.browser.session.cookies["touchstone_login"] != before["touchstone_login"]


def test_planted_session_cookie_is_replaced(app):
    """ory/hydra#770, CVE-2025-12390 (Keycloak): session fixation."""
    jar = app.browser.session.cookies
    jar.set("touchstone_login", "A" * 43, domain=urlsplit(app.server.url).hostname, path="/")

    app.code()

    assert len(jar["touchstone_login"]) == 43
    assert jar["touchstone_login"] != "A" * 43
