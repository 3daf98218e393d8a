"""`/bff/session`, `/bff/logout`, and the session cookie as a credential."""

import json
import secrets
import time

import pytest
from testkit.concurrency import wait_for
from testkit.token_signer import TokenSigner

HEADER = "X-Requested-With: touchstone"
ORIGIN = "Origin: http://localhost:8080"
LOGGED_OUT = {"authenticated": False}


def session_of(response):
    assert response.status == 200
    assert response["cache-control"] == "no-store"
    return json.loads(response.body)


def passed_on(response):
    assert response.status == 200
    sent = json.loads(response.body)
    return {name.lower(): value for name, value in sent["headers"]}


@pytest.fixture
def logged_in(browser):
    browser.log_in()
    return browser


def test_session_names_user_and_claims(logged_in):
    found = session_of(logged_in("GET", "/bff/session"))

    claims = found.pop("claims")
    assert found == {
        "authenticated": True,
        "sub": claims["sub"],
        "name": "Alice",
        "email": "alice@example.com",
        "roles": sorted(claims["roles"]),
        "scopes": ["orders:read", "orders:write"],
        "expires_at": claims["exp"],
        "header": {"alg": "RS256", "kid": found["header"]["kid"], "typ": "at+jwt"},
    }
    assert claims["aud"] == ["orders-service", "auth-service"]


@pytest.mark.parametrize("cookie", [None, "", "x", "gAAAA" * 20, "é"])
def test_without_valid_cookie_session_is_logged_out(browser, cookie):
    if cookie is not None:
        browser.cookies["session"] = cookie

    assert session_of(browser("GET", "/bff/session")) == LOGGED_OUT
    assert browser("GET", "/orders").problem() == "missing_token"


def test_two_session_cookies_count_as_none(logged_in, running):
    value = logged_in.cookies["session"]

    response = running.request("GET", "/bff/session", f"Cookie: session={value}; session={value}")

    assert session_of(response) == LOGGED_OUT


def test_cookie_becomes_a_bearer_token(logged_in):
    got = passed_on(logged_in("GET", "/orders", "Accept: text/plain"))

    assert got["authorization"].startswith("Bearer eyJ")
    assert "cookie" not in got
    assert got["accept"] == "text/plain"


def test_other_cookies_are_passed_on(logged_in):
    logged_in.cookies |= {"theme": "dark"}

    assert passed_on(logged_in("GET", "/orders"))["cookie"] == "theme=dark"


def test_authorization_header_counts_before_cookie(logged_in):
    assert logged_in("GET", "/orders", "Authorization: Bearer x").status == 401


def test_public_route_gets_no_token(logged_in):
    got = passed_on(logged_in("GET", "/products"))

    assert not {"authorization", "cookie"} & got.keys()


def test_token_of_any_audience_goes_to_user_info(logged_in):
    assert passed_on(logged_in("GET", "/oauth/userinfo"))["authorization"].startswith("Bearer eyJ")


def test_answer_by_cookie_is_not_stored(logged_in):
    assert logged_in("GET", "/orders")["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 403),
        ([ORIGIN], 403),
        (["X-Requested-With: XMLHttpRequest"], 403),
        ([HEADER, "Origin: null"], 403),
        ([HEADER, "Origin: http://localhost:9000"], 403),
        ([HEADER, "Origin: https://localhost:8080"], 403),
        ([HEADER, "Origin: http://localhost:8080.evil.test"], 403),
        ([HEADER], 200),
        ([HEADER, ORIGIN], 200),
    ],
)
def test_change_by_cookie_needs_own_header_and_origin(logged_in, upstream, headers, status):
    upstream.seen.clear()

    response = logged_in("POST", "/orders", *headers)

    assert response.status == status
    if status == 403:
        assert (response.problem(), upstream.seen) == ("cross_site_request", [])


def test_due_session_is_refreshed(logged_in, auth_service):
    auth_service.lifetime = 1
    logged_in.log_in()
    auth_service.lifetime = 300
    before, logins = logged_in.cookies["session"], len(auth_service.grants)
    while len(auth_service.grants) == logins:  # due within a second
        response = logged_in("GET", "/orders")

    assert response.status == 200
    assert logged_in.cookies["session"] != before
    assert auth_service.grants[-1]["grant_type"] == "refresh_token"


def test_withdrawn_key_is_followed_by_a_refresh(browser, auth_service, signer):
    auth_service.signer = TokenSigner(signer.issuer, kid="withdrawn")  # whose key is not published
    browser.log_in()
    auth_service.signer = signer
    before = browser.cookies["session"]

    answers = [browser("GET", path) for path in ("/orders", "/oauth/userinfo", "/bff/session")]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [grant["grant_type"] for grant in auth_service.grants] == ["authorization_code", "refresh_token"]
    assert browser.cookies["session"] != before


def test_withdrawn_key_without_auth_service_is_unavailable(browser, auth_service, signer):
    auth_service.signer = TokenSigner(signer.issuer, kid="withdrawn")
    browser.log_in()
    auth_service.status = "503 Service Unavailable"

    assert browser("GET", "/bff/session").status == 503
    assert "session" in browser.cookies


def test_ended_session_removes_its_cookie(browser, auth_service):
    auth_service.lifetime = -10
    browser.log_in()
    auth_service.refused = True

    response = browser("GET", "/orders")

    assert (response.status, response.problem(), browser.cookies.get("session")) == (
        401,
        "session_ended",
        None,
    )
    assert response["www-authenticate"] == "Bearer"


def test_ended_session_is_logged_out(browser, auth_service):
    auth_service.lifetime = -10
    browser.log_in()
    auth_service.refused = True

    assert session_of(browser("GET", "/bff/session")) == LOGGED_OUT
    assert "session" not in browser.cookies


def test_expired_session_waits_for_auth_service(browser, auth_service):
    auth_service.lifetime = -10
    browser.log_in()
    auth_service.status = "503 Service Unavailable"

    response = browser("GET", "/bff/session")

    assert (response.status, response["retry-after"]) == (503, "1")
    assert "session" in browser.cookies


def test_log_out_ends_session_and_cookie(logged_in, auth_service):
    response = logged_in("POST", "/bff/logout", HEADER, ORIGIN)

    (sent,) = auth_service.log_outs
    assert (response.status, "session" in logged_in.cookies) == (204, False)
    assert sent.values("authorization")[0].startswith("Bearer eyJ")
    assert json.loads(sent.body) == {"browser_session": True}


@pytest.mark.parametrize("headers", [[], [ORIGIN], [HEADER, "Origin: https://evil.test"]])
def test_log_out_by_another_site_is_refused(logged_in, auth_service, headers):
    response = logged_in("POST", "/bff/logout", *headers)

    assert (response.problem(), auth_service.log_outs) == ("cross_site_request", [])
    assert "session" in logged_in.cookies


def test_log_out_without_session_changes_nothing(browser, auth_service):
    assert browser("POST", "/bff/logout", HEADER).status == 204
    assert auth_service.log_outs == []


def test_log_out_of_ended_session_removes_cookie(browser, auth_service):
    auth_service.lifetime = -10
    browser.log_in()
    auth_service.refused = True

    assert browser("POST", "/bff/logout", HEADER).status == 204
    assert "session" not in browser.cookies


def test_log_out_with_withdrawn_key_ends_session(logged_in, auth_service):
    """The access token is refused, but the session would go on with the refresh token."""
    auth_service.log_out_statuses = ["401 Unauthorized"]

    assert logged_in("POST", "/bff/logout", HEADER).status == 204
    assert auth_service.grants[-1]["refresh_token"] == auth_service.issued[-2]
    first, second = (sent.values("authorization") for sent in auth_service.log_outs)
    assert first != second


def test_log_out_works_when_session_has_outgrown_cookie(browser, auth_service, signer):
    auth_service.lifetime = -10
    browser.log_in()
    token = signer.sign(signer.claims(scope=" ".join(secrets.token_urlsafe(30) for _ in range(90))))
    auth_service.tokens = lambda: ({"access_token": token, "refresh_token": "r"}, "200 OK")

    assert browser("GET", "/orders").problem() == "session_too_long"
    assert browser("POST", "/bff/logout", HEADER).status == 204
    assert "session" not in browser.cookies


def test_log_out_without_auth_service_keeps_session(logged_in, auth_service):
    auth_service.status = "503 Service Unavailable"

    response = logged_in("POST", "/bff/logout", HEADER)

    assert (response.status, response.problem()) == (503, "upstream_unavailable")
    assert "session" in logged_in.cookies


def test_without_keys_browser_sessions_are_off(gateway):
    for method, path in (("GET", "/bff/session"), ("POST", "/bff/logout")):
        assert gateway.request(method, path).problem() == "browser_sessions_off"
    assert gateway.request("GET", "/bff/login").status == 503


def test_slow_log_in_does_not_lengthen_token(logged_in, auth_service, upstream):
    """The token's age counts from the request for it, so that it is refreshed before a service refuses it."""
    auth_service.lifetime, answer, asked = 5, upstream.respond, []

    def slow(request, connection):
        if request.target == "/account":
            asked.append(time.time())
            wait_for(lambda: time.time() > asked[0] + 4)  # due after 3.75 s
        answer(request, connection)

    upstream.respond = slow
    logged_in.log_in()
    before = len(auth_service.grants)
    logged_in("GET", "/orders")

    assert len(auth_service.grants) == before + 1
