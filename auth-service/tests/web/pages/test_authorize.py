"""The authorization endpoint: log-in, consent, redirects, and the protection of its forms."""

import re
import tomllib
from urllib.parse import urlencode

import jwt
import pytest
from auth_service.web.html.rendering import STYLE_PATH
from testkit.oauth_clients import parameters_of

from ...fakes.registry import CUSTOMER_SCOPES
from ..helpers import CALLBACK, ISSUER, PASSWORD, REQUEST, claims_of, fields_of
from .helpers import APPS, UNREADABLE, unreadable

PARTNERS = REQUEST | {
    "client_id": "partner",
    "redirect_uri": "https://partner.example/callback",
    "scope": "orders:read",
}


def test_login_redirects_with_code_for_tokens(sign_in, redeem):
    answer = sign_in(nonce="n")

    assert answer.status_code == 303
    assert answer.location.startswith(CALLBACK + "?")
    assert parameters_of(answer.location).keys() == {"code", "state", "iss"}
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    tokens = redeem(answer.location).get_json()
    assert tokens.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "scope",
        "refresh_token",
        "id_token",
    }
    assert tokens["scope"] == "email openid orders:read"
    assert jwt.get_unverified_header(tokens["id_token"])["typ"] == "JWT"
    assert claims_of(tokens["id_token"])["nonce"] == "n"


def test_json_login_grants_api_scopes(client):
    answer = client.post("/login", json={"email": "alice@example.com", "password": PASSWORD}).get_json()

    assert answer["scope"] == " ".join(sorted(CUSTOMER_SCOPES))
    assert "id_token" not in answer


def test_login_cookie_is_http_only(sign_in):
    cookie = next(value for value in sign_in().headers.getlist("Set-Cookie") if "touchstone_login" in value)

    value, *attributes = cookie.split("; ")
    assert len(value.partition("=")[2]) == 43
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]


def test_cookies_with_https_have_host_prefix(make_app):
    client = make_app(issuer="https://id.example", demo=False).test_client()

    cookies = client.get("/oauth/authorize", query_string=REQUEST).headers.getlist("Set-Cookie")

    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-touchstone_form=")
    assert "Secure" in cookies[0]


def test_second_request_needs_no_login(authorize, sign_in, redeem):
    sign_in()

    answer = authorize()

    assert answer.status_code == 303
    assert redeem(answer.location).status_code == 200


def test_page_has_security_headers(authorize):
    headers = authorize().headers

    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'self'; form-action 'self' {CALLBACK}; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_pages_after_error_allow_same_redirect(sign_in):
    for page in (sign_in(password="wrong"), sign_in(password=""), sign_in(PARTNERS)):
        policy = page.headers["Content-Security-Policy"]
        uri = "https://partner.example/callback" if "Allow" in page.text else CALLBACK
        assert f"form-action 'self' {uri};" in policy


def test_error_page_allows_no_redirect(authorize):
    answer = authorize(redirect_uri="https://evil.example/;script-src *")

    assert "evil" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("settings", "is_shown"),
    [({}, True), ({"demo_password": "another password"}, False), ({"demo": False}, False)],
)
def test_demo_accounts_are_shown_in_demo_alone(make_app, settings, is_shown):
    page = make_app(**settings).test_client().get("/oauth/authorize", query_string=REQUEST)

    assert page.status_code == 200
    for text in (PASSWORD, "another password", "bob@example.com", "Demo"):
        assert (text in page.text) == (is_shown and text != "another password")


def test_demo_account_is_filled_in_by_its_link(authorize, client):
    href = re.search(r'href="([^"]*)">bob@example.com', authorize(login_hint="alice@example.com").text)[1]

    page = client.get(href.replace("&amp;", "&"))

    assert fields_of(page)["email"] == "bob@example.com"


def test_style_sheet_is_immutable(authorize, client):
    path = re.search(r'href="([^"]+css[^"]*)"', authorize().text)[1]

    answer = client.get(path)

    assert path.startswith(STYLE_PATH)
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]


def test_unregistered_redirect_uri_is_error_page(authorize):
    answer = authorize(redirect_uri="https://evil.example/<b>")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "Location" not in answer.headers
    assert "redirect_uri https://evil.example/&lt;b&gt; is not registered for client cli" in answer.text
    assert 'href="https://evil' not in answer.text


def test_request_error_is_in_redirect(authorize):
    answer = parameters_of(authorize(code_challenge_method="plain").location)

    assert (answer["error"], answer["state"], answer["iss"]) == ("invalid_request", "s", ISSUER)


@pytest.mark.parametrize("uri", tomllib.loads(APPS)["clients"]["app"]["redirect_uris"])
def test_private_use_scheme_gets_codes_and_errors(authorize, sign_in, uri):
    request = REQUEST | {"client_id": "app", "redirect_uri": uri, "scope": "orders:read"}
    start = f"{uri}{'&' if '?' in uri else '?'}"

    refused, page = authorize(request, prompt="none"), authorize(request)
    by_form, at_once = sign_in(request), authorize(request)

    assert "form-action 'self' com.example.app:;" in page.headers["Content-Security-Policy"]
    assert by_form.status_code == 303
    assert refused.headers["Location"].startswith(f"{start}error=login_required&")
    assert by_form.location.startswith(f"{start}code=")
    assert at_once.headers["Location"].startswith(f"{start}code=")


@pytest.mark.parametrize("query", ["client_id=%ff", "client_id=\xe9", "a=1&" * 60, "state=" + "x" * 20_000])
def test_malformed_query_is_error_page(client, query):
    answer = client.get("/oauth/authorize", environ_overrides={"QUERY_STRING": query})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_body_that_is_no_form_is_error_page(client):
    answer = client.post("/oauth/authorize", json={"client_id": "cli"})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/logout"])
def test_request_by_post_redirects_to_get(client, path):
    answer = client.post(path, data={"client_id": "cli", "state": "a&b"})

    assert (answer.status_code, answer.location) == (303, f"{path}?client_id=cli&state=a%26b")


def test_client_name_is_escaped(sign_in):
    page = sign_in(PARTNERS)

    assert "Partner &lt;Shop&gt;" in page.text
    assert "<Shop>" not in page.text


def test_login_hint_fills_in_address(authorize):
    assert 'value="&#34;&gt;x@example.com"' in authorize(login_hint='">x@example.com').text
    assert 'name="email" value="zo\u200de@example.com"' in authorize(login_hint="zo\u200de@example.com").text
    assert 'name="email" value=""' in authorize(login_hint="a\u202eb").text
    assert 'name="email" value=""' in authorize(login_hint="x" * 321).text


def test_wrong_credentials_look_alike(sign_in, hasher):
    answers = [
        sign_in(email=email, password="wrong") for email in ("alice@example.com", "unknown@example.com")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    pages = [re.sub(r'(value|href)="[^"]*"', "", answer.text) for answer in answers]
    assert pages[0] == pages[1]
    assert 'aria-describedby="password-error"' in pages[0]
    assert hasher.work[-2:] == ["verify", "verify"]


def test_empty_login_form_costs_no_hash(sign_in, hasher):
    before = len(hasher.work)

    answer = sign_in(email=" ", password="")

    assert answer.status_code == 422
    assert {'href="#email"', 'href="#password"'} <= set(re.findall(r'href="#\w+"', answer.text))
    assert len(hasher.work) == before


def test_busy_hasher_is_429_page(sign_in, hasher):
    hasher.busy = True

    answer = sign_in()

    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (429, "1", "text/html")


def test_consent_gives_code_and_is_remembered(sign_in, submit, redeem, authorize):
    page = sign_in(PARTNERS)
    assert page.status_code == 200

    answer = submit(page, _choice="allow")

    assert answer.location.startswith("https://partner.example/callback?code=")
    changes = {"client_id": "partner", "redirect_uri": "https://partner.example/callback"}
    tokens = redeem(answer.location, **changes).get_json()
    assert (tokens["scope"], "refresh_token" in tokens) == ("orders:read", False)
    assert authorize(PARTNERS).status_code == 303


def test_denied_consent_is_access_denied(sign_in, submit, authorize):
    answer = submit(sign_in(PARTNERS), _choice="deny")

    assert parameters_of(answer.location)["error"] == "access_denied"
    assert authorize(PARTNERS).status_code == 200


def test_consent_to_more_scopes_is_refused(sign_in, submit):
    page = sign_in(PARTNERS)

    answer = submit(page, _choice="allow", _scopes="orders:read openid")

    assert answer.status_code == 403


def test_consent_for_other_request_is_refused(sign_in, submit):
    page = sign_in(PARTNERS)

    answer = submit(page, _choice="allow", _request=urlencode(PARTNERS | {"state": "other"}))

    assert answer.status_code == 403
    assert "Location" not in answer.headers


def test_consent_after_logout_asks_to_log_in(app, sign_in, submit, client):
    page = sign_in(PARTNERS)
    cookie = client.get_cookie("touchstone_login")
    other = app.test_client()
    other.set_cookie("touchstone_login", cookie.value)
    question = other.get("/oauth/logout")
    other.post("/oauth/logout", data=fields_of(question))

    answer = submit(page, _choice="allow")

    assert (answer.status_code, "Log in" in answer.text) == (200, True)


def test_form_of_other_browser_is_refused(app, authorize):
    page = authorize()
    other = app.test_client()
    other.get("/oauth/authorize", query_string=REQUEST)

    answer = other.post(
        "/oauth/authorize", data=fields_of(page) | {"email": "alice@example.com", "password": PASSWORD}
    )

    assert answer.status_code == 403
    assert other.get_cookie("touchstone_login") is None


FORGED = {
    "no token": {"_form": ""},
    "made-up token": {"_form": "1800000000." + "A" * 43},
    "malformed token": {"_form": "x"},
}


@pytest.mark.parametrize("case", FORGED)
def test_form_with_forged_token_is_refused(authorize, submit, client, case):
    answer = submit(authorize(), email="alice@example.com", password=PASSWORD, **FORGED[case])

    assert answer.status_code == 403
    assert "Please try again" in answer.text
    assert client.get_cookie("touchstone_login") is None


def test_form_without_cookie_is_refused(app, authorize):
    page = authorize()

    answer = app.test_client().post(
        "/oauth/authorize", data=fields_of(page) | {"email": "alice@example.com", "password": PASSWORD}
    )

    assert answer.status_code == 403


def test_login_form_token_is_no_consent_token(sign_in, authorize, submit):
    sign_in(PARTNERS)

    answer = submit(
        authorize(PARTNERS, prompt="login"), _step="consent", _choice="allow", _scopes="orders:read"
    )

    assert answer.status_code == 403


def test_form_expires_after_an_hour(authorize, submit, clock):
    page = authorize()
    clock.advance(3601)

    assert submit(page, email="alice@example.com", password=PASSWORD).status_code == 403


@pytest.mark.parametrize(("ahead", "status"), [(2, 303), (30, 303), (31, 403)])
def test_form_of_replica_with_clock_ahead(authorize, submit, clock, ahead, status):
    page = authorize()
    clock.advance(-ahead)

    assert submit(page, email="alice@example.com", password=PASSWORD).status_code == status


ORIGINS = {
    "own origin": ({"Origin": ISSUER}, 303),
    "own origin and same-origin": ({"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}, 303),
    "null and same-origin": ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
    "no header": ({}, 303),
    "other site": ({"Origin": "https://evil.example"}, 403),
    "other port": ({"Origin": "http://localhost:8081"}, 403),
    "null alone": ({"Origin": "null"}, 303),
    "own origin but cross-site": ({"Origin": ISSUER, "Sec-Fetch-Site": "cross-site"}, 403),
    "null and cross-site": ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
    "same-site": ({"Sec-Fetch-Site": "same-site"}, 403),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_form_origin_is_checked(authorize, submit, case):
    headers, status = ORIGINS[case]

    answer = submit(authorize(), email="alice@example.com", password=PASSWORD, headers=headers)

    assert answer.status_code == status


def test_stale_form_after_login_goes_on(sign_in, authorize, submit):
    page = authorize(prompt="")
    sign_in()

    answer = submit(page, email="alice@example.com", password=PASSWORD)

    assert "code" in parameters_of(answer.location)


def test_prompt_login_asks_for_password(sign_in, authorize):
    sign_in()
    assert authorize(prompt="login").status_code == 200

    assert "code" in parameters_of(sign_in(prompt="login", max_age="0").location)


def test_login_for_refused_request_is_kept(sign_in, client):
    answer = sign_in(scope="admin")

    assert parameters_of(answer.location)["error"] == "access_denied"
    assert client.get_cookie("touchstone_login") is not None


def test_prompt_none_hint_outlives_rotations(sign_in, redeem, authorize, rotate_twice):
    tokens = redeem(sign_in().location).get_json()
    rotate_twice()

    answer = parameters_of(authorize(prompt="none", id_token_hint=tokens["id_token"]).location)

    assert (answer["state"], "code" in answer) == ("s", True)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_hint_is_login_required(app, sign_in, redeem, authorize, kind):
    tokens = redeem(sign_in().location).get_json()

    answer = parameters_of(
        authorize(prompt="none", id_token_hint=unreadable(kind, tokens["id_token"], app)).location
    )

    assert (answer["error"], answer["state"]) == ("login_required", "s")


# As long as the longest query lets it be, and made of what has to be escaped once more at every step.
STATE = "/" * 14_000 + "+&=%;'\"<ü\u2028\n"


def test_state_survives_all_pages(authorize, sign_in, submit):
    page = sign_in(PARTNERS, state=STATE)
    again = submit(
        authorize(PARTNERS, state=STATE, prompt="login"), email="alice@example.com", password="wrong"
    )

    assert parameters_of(submit(page, _choice="allow").location)["state"] == STATE
    assert parameters_of(submit(page, _choice="deny").location)["state"] == STATE
    assert again.status_code == 403
    entered = submit(again, email="alice@example.com", password=PASSWORD)
    assert parameters_of(entered.location)["state"] == STATE


def test_state_survives_request_by_post(client):
    moved = client.post("/oauth/authorize", data=REQUEST | {"state": STATE, "prompt": "none"})

    answer = parameters_of(client.get(moved.location).location)

    assert (answer["error"], answer["state"]) == ("login_required", STATE)


def test_login_ignores_unknown_scopes(sign_in, redeem):
    tokens = redeem(sign_in(scope=" openid  offline_access phone orders:read ").location).get_json()

    assert tokens["scope"] == "openid orders:read"
