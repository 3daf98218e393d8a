"""Log-in through `/bff/login` and `/bff/callback`."""

import base64
import hashlib
import json
import re
import secrets
import time
from urllib.parse import quote, urljoin

import pytest
from gateway.browser_session.login import LOGIN_SECONDS, MAX_NEXT, own_path
from hypothesis import given
from hypothesis import strategies as st
from testkit.token_signer import claims_of

REFUSED = "login_not_completed"


def page(response):
    assert response["content-type"].startswith("text/html")
    assert response["set-cookie"] == ""
    return response.body.decode()


def test_log_in_requests_a_code_with_pkce(browser):
    query = browser.begin()

    assert {
        name: query[name] for name in ("response_type", "client_id", "redirect_uri", "code_challenge_method")
    } == {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": "http://localhost:8080/bff/callback",
        "code_challenge_method": "S256",
    }
    assert len(query["code_challenge"]) == 43


def test_callback_sets_one_cookie_and_leads_on(browser, auth_service):
    response = browser.log_in("/bff/login?next=%2Forders%3Flimit%3D2%23top")

    cookies = [value for name, value in response.headers if name == "set-cookie"]
    assert (response.status, response["location"]) == (302, "/orders?limit=2#top")
    assert [value.partition("=")[0] for value in cookies] == ["session"]
    assert cookies[0].endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert len(cookies[0]) < 4096
    (grant,) = auth_service.grants
    assert (grant["grant_type"], grant["code"], grant["client_id"]) == (
        "authorization_code",
        "c-1",
        "console",
    )


def test_cookie_shows_no_token(browser, auth_service):
    browser.log_in()

    assert not [part for part in browser.cookies["session"].split(".") if part.startswith("eyJ")]
    assert auth_service.issued[0] not in browser.cookies["session"]


@pytest.mark.parametrize(
    "following",
    [
        "",
        "//evil.test/",
        "https://evil.test/",
        "https:/evil.test",
        "javascript:alert(1)",
        "/\\evil.test",
        "\\\\evil.test",
        "/a\\..\\b",
        "/\t/evil.test",
        "\t//evil.test",
        " //evil.test",
        "/\n/evil.test",
        "/a\r\nset-cookie: x=1",
        "/é",
        "orders",
        "?a=1",
        "/" + "a" * MAX_NEXT,
    ],
)
def test_next_never_leads_away(browser, following):
    assert browser.log_in(f"/bff/login?next={quote(following, safe='')}")["location"] == "/"


@pytest.mark.parametrize(
    "following", ["/", "/a", "/a/b?c=d&e=%2F%2Fevil.test#f", "/?next=//evil.test", "/%2F/x"]
)
def test_next_may_be_a_path_of_the_gateway(browser, following):
    assert browser.log_in(f"/bff/login?next={quote(following, safe='')}")["location"] == following


@given(st.text(max_size=40) | st.text("/\\\t:@.?#%ae", max_size=12).map("/".__add__))
def test_any_next_stays_at_the_gateway(following):
    # Browsers drop tabs and line ends, and read a backslash as a slash (URL standard, section 4.4).
    location = re.sub("[\t\r\n]", "", own_path(following)).replace("\\", "/")

    assert urljoin("http://gateway.test/bff/callback", location).startswith("http://gateway.test/")


def test_repeated_next_is_ignored(browser):
    assert browser.log_in("/bff/login?next=/a&next=/b")["location"] == "/"


def test_email_address_is_passed_as_hint(browser):
    assert browser.begin("/bff/login?login_hint=alice%40example.com")["login_hint"] == "alice@example.com"
    assert "login_hint" not in browser.begin("/bff/login?login_hint=a%0Ab")


def test_log_in_at_other_name_moves_to_issuer_once(browser):
    browser.host = "127.0.0.1:8080"

    moved = browser("GET", "/bff/login?next=%2Forders")["location"]

    assert moved == "http://localhost:8080/bff/login?next=%2Forders&moved"
    assert browser.begin(moved.removeprefix("http://localhost:8080"))["client_id"] == "console"


def test_tabs_may_log_in_at_the_same_time(browser):
    one, other = browser.begin("/bff/login?next=/one"), browser.begin("/bff/login?next=/other")

    assert browser.complete(one["state"])["location"] == "/one"
    assert browser.complete(other["state"])["location"] == "/other"


def test_response_for_another_browser_is_refused(browser, another_browser, auth_service):
    state = another_browser.begin()["state"]
    browser.begin()

    response = browser.complete(state)

    assert (response.status, auth_service.grants) == (400, [])
    assert "begun in another browser" in page(response)


def test_response_without_log_in_cookie_is_refused(browser, another_browser, auth_service):
    state = browser.begin()["state"]

    assert another_browser.complete(state).status == 400
    assert auth_service.grants == []


def test_state_that_is_too_old_is_refused(browser, monkeypatch):
    now = time.time()
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: now - LOGIN_SECONDS - 1)
    state = browser.begin()["state"]
    monkeypatch.undo()

    assert browser.complete(state).status == 400


@pytest.mark.parametrize("change", [{"iss": "https://evil.test"}, {"iss": ""}], ids=["other", "none"])
def test_response_of_another_issuer_is_refused(browser, auth_service, change):
    response = browser.log_in(**change)

    assert (response.status, auth_service.grants) == (400, [])


def test_denied_log_in_is_explained(browser):
    state = browser.begin()["state"]

    response = browser("GET", f"/bff/callback?error=access_denied&state={state}&iss=http://localhost:8080")

    assert response.status == 400
    assert "You have not been logged in." in page(response)


def test_refused_code_is_explained(browser, auth_service):
    auth_service.refused = True

    response = browser.log_in()

    assert response.status == 400
    assert "completed already" in page(response)


def test_code_is_sent_with_the_verifier_of_its_request(browser, auth_service):
    query = browser.begin()
    browser.complete(query["state"])

    digest = hashlib.sha256(auth_service.grants[0]["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]


def test_log_in_without_auth_service_is_unavailable(browser, auth_service):
    auth_service.status = "500 Internal Server Error"

    response = browser.log_in()

    assert (response.status, response["retry-after"]) == (503, "1")
    page(response)


@pytest.mark.parametrize("account", [[], {}, {"name": "Alice"}])
def test_unexpected_answer_is_unavailable(browser, auth_service, account):
    auth_service.account = account

    response = browser.log_in()

    assert (response.status, response["retry-after"]) == (503, "1")


@pytest.mark.parametrize("target", ["/bff/login", "/bff/callback"])
@pytest.mark.parametrize("place", ["iframe", "image", "empty"])
def test_log_in_works_only_as_a_page(browser, target, place):
    response = browser("GET", target, f"Sec-Fetch-Dest: {place}")

    assert response.status == 403
    assert "a page of its own" in page(response)
    assert browser("GET", "/bff/login", "Sec-Fetch-Dest: document").status == 302


def test_cookie_that_an_attacker_sets_is_replaced(browser, another_browser, auth_service):
    another_browser.log_in()
    browser.cookies["session"] = another_browser.cookies["session"]

    browser.log_in()

    assert browser.cookies["session"] != another_browser.cookies["session"]
    assert auth_service.revoked == auth_service.issued[:1]


def test_new_session_survives_that_the_earlier_cannot_be_ended(browser, auth_service, upstream):
    browser.log_in()
    state = browser.begin()["state"]
    answer = upstream.respond
    upstream.respond = lambda request, connection: (
        connection.close() if request.target == "/oauth/revoke" else answer(request, connection)
    )

    assert browser.complete(state).status == 302


@pytest.mark.parametrize(
    "query", ["", "code=c&state=x&iss=y", "state=" + "x" * 3000, "a=1&" * 50, "state=%ff"]
)
def test_malformed_callback_is_refused(browser, query):
    response = browser("GET", f"/bff/callback?{query}")

    assert response.status == 400
    page(response)


def test_account_with_too_many_scopes_is_explained(browser, auth_service, signer):
    scope = " ".join(secrets.token_urlsafe(30) for _ in range(90))
    token = signer.sign(signer.claims(aud="orders-service", scope=scope))
    auth_service.tokens = lambda: ({"access_token": token, "refresh_token": "r"}, "200 OK")

    response = browser.log_in()

    assert response.status == 500
    assert "too many scopes" in page(response)
    assert claims_of(token)["scope"] == scope
    assert json.dumps(scope) not in response.body.decode()
