"""The pages over HTTP: log-in, consent, codes for tokens, userinfo, log-out, and the guard of the forms."""

import base64
import hashlib
import re
import tomllib
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from auth_service.web.html.rendering import STYLE_PATH

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://127.0.0.1:5000/callback"
PASSWORD = "correct-horse-battery-staple"
ISSUER = "http://localhost:8080"
PARTNER = """
[clients.partner]
name = "Partner <Shop>"
confidential = false
first_party = false
grants = ["authorization_code"]
redirect_uris = ["https://partner.example/callback"]
post_logout_redirect_uris = ["https://partner.example/bye"]
audiences = ["orders-service"]
scopes = ["openid", "orders:read"]
"""
REQUEST = {
    "response_type": "code",
    "client_id": "cli",
    "redirect_uri": CALLBACK,
    "scope": "openid email orders:read",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
APPS = """
[clients.app]
name = "App"
first_party = true
grants = ["authorization_code"]
redirect_uris = [
    "com.example.app://callback",
    "com.example.app://CallBack/x[1]",
    "com.example.app:/oauth?kept=a'b",
    "com.example.app:///oauth",
    "com.example.app://",
    "com.example.app:",
]
post_logout_redirect_uris = ["com.example.app://"]
audiences = ["orders-service"]
scopes = ["openid", "orders:read"]
"""
PARTNERS = REQUEST | {
    "client_id": "partner",
    "redirect_uri": "https://partner.example/callback",
    "scope": "orders:read",
}


@pytest.fixture
def app(make_app, tmp_path):
    clients = tmp_path / "clients.toml"
    clients.write_text(PARTNER + APPS)
    return make_app(clients_file=clients)


def hidden(page):
    """Give the hidden fields of a page's form."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    }


@pytest.fixture
def ask(client):
    """`ask(**changes)`: open the authorization endpoint."""
    return lambda request=REQUEST, **changes: client.get("/oauth/authorize", query_string=request | changes)


@pytest.fixture
def send(client):
    """`send(page, **fields)`: send the form of a page."""

    def post(page, path="/oauth/authorize", headers=None, **fields):
        answer = client.post(path, data=hidden(page) | fields, headers=headers)
        leads_on = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', answer.text)
        answer.onward = unescape(leads_on[1]) if leads_on else None
        return answer

    return post


@pytest.fixture
def log_in(ask, send):
    def enter(request=REQUEST, email="alice@example.com", password=PASSWORD, **changes):
        return send(ask(request, **changes), email=email, password=password)

    return enter


@pytest.fixture
def redeem(client):
    def post(location, **changes):
        form = {
            "grant_type": "authorization_code",
            "client_id": "cli",
            "redirect_uri": CALLBACK,
            "code": answer_in(location)["code"],
            "code_verifier": VERIFIER,
        }
        return client.post("/oauth/token", data=form | changes)

    return post


def answer_in(location):
    return dict(parse_qsl(urlsplit(location).query))


def read(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_log_in_leads_back_with_a_code_that_gives_tokens(log_in, redeem):
    answer = log_in(nonce="n")

    assert answer.status_code == 200
    assert answer.onward.startswith(CALLBACK + "?")
    assert answer_in(answer.onward).keys() == {"code", "state", "iss"}
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    tokens = redeem(answer.onward).get_json()
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
    assert read(tokens["id_token"])["nonce"] == "n"


def test_an_id_token_opens_no_route(log_in, redeem, client):
    tokens = redeem(log_in().onward).get_json()

    for method, path in (("GET", "/oauth/userinfo"), ("POST", "/logout")):
        answer = client.open(path, method=method, headers={"Authorization": f"Bearer {tokens['id_token']}"})
        assert answer.status_code == 401


def test_a_log_in_by_json_still_answers_the_contracts_scopes(client):
    answer = client.post("/login", json={"email": "alice@example.com", "password": PASSWORD}).get_json()

    assert answer["scope"] == "orders:read orders:write profile:read profile:write"
    assert "id_token" not in answer


def test_the_log_in_cookie_is_for_this_host_alone_and_out_of_reach_of_script(log_in):
    cookie = next(value for value in log_in().headers.getlist("Set-Cookie") if "touchstone_login" in value)

    value, *attributes = cookie.split("; ")
    assert len(value.partition("=")[2]) == 43
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]


def test_below_https_the_cookies_are_secure_and_carry_the_prefix(make_app):
    client = make_app(issuer="https://id.example", demo=False).test_client()

    cookies = client.get("/oauth/authorize", query_string=REQUEST).headers.getlist("Set-Cookie")

    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-touchstone_form=")
    assert "Secure" in cookies[0]


def test_a_second_request_needs_no_second_log_in(ask, log_in, redeem):
    log_in()

    answer = ask()

    assert answer.status_code == 303
    assert redeem(answer.location).status_code == 200


def test_every_page_is_held_by_its_headers(ask):
    headers = ask().headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_style_is_ours_and_may_be_kept(ask, client):
    path = re.search(r'href="([^"]+css[^"]*)"', ask().text)[1]

    answer = client.get(path)

    assert path.startswith(STYLE_PATH)
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]


def test_an_error_that_nobody_may_be_told_of_is_a_page(ask):
    answer = ask(redirect_uri="https://evil.example/<b>")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "Location" not in answer.headers
    assert "redirect_uri https://evil.example/&lt;b&gt; is not registered for client cli" in answer.text
    assert 'href="https://evil' not in answer.text


def test_an_error_that_the_client_is_told_of_is_in_its_address(ask):
    answer = answer_in(ask(code_challenge_method="plain").location)

    assert (answer["error"], answer["state"], answer["iss"]) == ("invalid_request", "s", ISSUER)


@pytest.mark.parametrize("uri", tomllib.loads(APPS)["clients"]["app"]["redirect_uris"])
def test_an_apps_own_scheme_gets_codes_and_errors(ask, log_in, uri):
    request = REQUEST | {"client_id": "app", "redirect_uri": uri, "scope": "orders:read"}
    start = f"{uri}{'&' if '?' in uri else '?'}"

    refused, by_form, at_once = ask(request, prompt="none"), log_in(request), ask(request)

    assert refused.headers["Location"].startswith(f"{start}error=login_required&")
    assert by_form.onward.startswith(f"{start}code=")
    assert at_once.headers["Location"].startswith(f"{start}code=")


def test_a_log_out_leads_to_an_apps_own_scheme(client):
    query = {"client_id": "app", "post_logout_redirect_uri": "com.example.app://", "state": "s"}

    answer = client.get("/oauth/logout", query_string=query)

    assert answer.headers["Location"] == "com.example.app://?state=s"


@pytest.mark.parametrize("query", ["client_id=%ff", "client_id=\xe9", "a=1&" * 60, "state=" + "x" * 20_000])
def test_a_query_that_cannot_be_read_is_a_page(client, query):
    answer = client.get("/oauth/authorize", environ_overrides={"QUERY_STRING": query})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_a_body_that_is_no_form_is_a_page(client):
    answer = client.post("/oauth/authorize", json={"client_id": "cli"})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/logout"])
def test_a_request_by_post_is_sent_on_to_get(client, path):
    answer = client.post(path, data={"client_id": "cli", "state": "a&b"})

    assert (answer.status_code, answer.location) == (303, f"{path}?client_id=cli&state=a%26b")


def test_names_are_shown_as_text(log_in):
    page = log_in(PARTNERS)

    assert "Partner &lt;Shop&gt;" in page.text
    assert "<Shop>" not in page.text


def test_a_hint_fills_in_the_address_and_nothing_else(ask):
    assert 'value="&#34;&gt;x@example.com"' in ask(login_hint='">x@example.com').text
    assert 'name="email" value="zo\u200de@example.com"' in ask(login_hint="zo\u200de@example.com").text
    assert 'name="email" value=""' in ask(login_hint="a\u202eb").text
    assert 'name="email" value=""' in ask(login_hint="x" * 321).text


def test_a_wrong_password_is_said_without_saying_which_was_wrong(log_in, hasher):
    answers = [log_in(email=email, password="wrong") for email in ("alice@example.com", "nobody@example.com")]

    assert [answer.status_code for answer in answers] == [403, 403]
    pages = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
    assert pages[0] == pages[1]
    assert 'aria-describedby="password-error"' in pages[0]
    assert hasher.work[-2:] == ["verify", "verify"]


def test_an_empty_form_costs_no_hash(log_in, hasher):
    before = len(hasher.work)

    answer = log_in(email=" ", password="")

    assert answer.status_code == 422
    assert {'href="#email"', 'href="#password"'} <= set(re.findall(r'href="#\w+"', answer.text))
    assert len(hasher.work) == before


def test_a_busy_mint_says_so_on_a_page(log_in, hasher):
    hasher.busy = True

    answer = log_in()

    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (429, "1", "text/html")


def test_a_third_party_gets_a_code_after_a_yes(log_in, send, redeem, ask):
    page = log_in(PARTNERS)
    assert page.status_code == 200

    answer = send(page, _choice="allow")

    assert answer.onward.startswith("https://partner.example/callback?code=")
    changes = {"client_id": "partner", "redirect_uri": "https://partner.example/callback"}
    tokens = redeem(answer.onward, **changes).get_json()
    assert (tokens["scope"], "refresh_token" in tokens) == ("orders:read", False)
    assert ask(PARTNERS).status_code == 303


def test_a_third_party_hears_of_a_no(log_in, send, ask):
    answer = send(log_in(PARTNERS), _choice="deny")

    assert answer_in(answer.onward)["error"] == "access_denied"
    assert ask(PARTNERS).status_code == 200


def test_a_yes_to_more_than_was_shown_is_no_yes(log_in, send):
    page = log_in(PARTNERS)

    answer = send(page, _choice="allow", _scopes="orders:read openid")

    assert answer.status_code == 403


def test_a_yes_for_one_request_is_none_for_another(log_in, send):
    page = log_in(PARTNERS)

    answer = send(page, _choice="allow", _request=urlencode(PARTNERS | {"state": "other"}))

    assert answer.status_code == 403
    assert "Location" not in answer.headers


def test_a_yes_after_logging_out_elsewhere_leads_to_the_log_in(app, log_in, send, client):
    page = log_in(PARTNERS)
    cookie = client.get_cookie("touchstone_login")
    other = app.test_client()
    other.set_cookie("touchstone_login", cookie.value)
    send_out = other.get("/oauth/logout")
    other.post("/oauth/logout", data=hidden(send_out))

    answer = send(page, _choice="allow")

    assert (answer.status_code, "Log in" in answer.text) == (200, True)


def test_a_form_from_another_browser_is_not_taken(app, ask):
    page = ask()
    other = app.test_client()
    other.get("/oauth/authorize", query_string=REQUEST)

    answer = other.post(
        "/oauth/authorize", data=hidden(page) | {"email": "alice@example.com", "password": PASSWORD}
    )

    assert answer.status_code == 403
    assert other.get_cookie("touchstone_login") is None


FORGED = {
    "no token": {"_form": ""},
    "a made-up token": {"_form": "1800000000." + "A" * 43},
    "no form at all": {"_form": "x"},
}


@pytest.mark.parametrize("case", FORGED)
def test_a_form_is_not_taken_with(ask, send, client, case):
    answer = send(ask(), email="alice@example.com", password=PASSWORD, **FORGED[case])

    assert answer.status_code == 403
    assert "Please try again" in answer.text
    assert client.get_cookie("touchstone_login") is None


def test_a_form_is_not_taken_without_its_cookie(app, ask):
    page = ask()

    answer = app.test_client().post(
        "/oauth/authorize", data=hidden(page) | {"email": "alice@example.com", "password": PASSWORD}
    )

    assert answer.status_code == 403


def test_a_log_in_forms_token_is_no_consent_forms(log_in, ask, send):
    log_in(PARTNERS)

    answer = send(ask(PARTNERS, prompt="login"), _step="consent", _choice="allow", _scopes="orders:read")

    assert answer.status_code == 403


def test_a_form_is_good_for_an_hour(ask, send, clock):
    page = ask()
    clock.advance(3601)

    assert send(page, email="alice@example.com", password=PASSWORD).status_code == 403


@pytest.mark.parametrize(("ahead", "status"), [(2, 200), (30, 200), (31, 403)])
def test_a_form_of_a_replica_whose_clock_is_ahead_is_good(ask, send, clock, ahead, status):
    page = ask()
    clock.advance(-ahead)

    assert send(page, email="alice@example.com", password=PASSWORD).status_code == status


ORIGINS = {
    "ours": ({"Origin": ISSUER}, 200),
    "ours, as browsers say it": ({"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}, 200),
    "unsaid, from our own page": ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
    "unsaid by a program": ({}, 200),
    "another site": ({"Origin": "https://evil.example"}, 403),
    "another port": ({"Origin": "http://localhost:8081"}, 403),
    "unsaid, at an address that is not told": ({"Origin": "null"}, 200),
    "ours, but from another site": ({"Origin": ISSUER, "Sec-Fetch-Site": "cross-site"}, 403),
    "unsaid, from another site": ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
    "from a neighbour": ({"Sec-Fetch-Site": "same-site"}, 403),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_where_a_form_comes_from_counts(ask, send, case):
    headers, status = ORIGINS[case]

    answer = send(ask(), email="alice@example.com", password=PASSWORD, headers=headers)

    assert answer.status_code == status


def test_a_stale_form_of_somebody_logged_in_by_now_leads_on(log_in, ask, send):
    page = ask(prompt="")
    log_in()

    answer = send(page, email="alice@example.com", password=PASSWORD)

    assert "code" in answer_in(answer.onward)


def test_prompt_login_takes_a_password_and_then_answers(log_in, ask):
    log_in()
    assert ask(prompt="login").status_code == 200

    assert "code" in answer_in(log_in(prompt="login", max_age="0").onward)


def test_whoever_logs_in_for_a_refused_request_stays_logged_in(log_in, client):
    answer = log_in(scope="admin")

    assert answer_in(answer.onward)["error"] == "access_denied"
    assert client.get_cookie("touchstone_login") is not None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("resource", ["auth-service", "orders-service"])
def test_userinfo_answers_for_a_token_of_any_audience(log_in, redeem, client, method, resource):
    tokens = redeem(log_in(resource=resource).onward).get_json()

    answer = client.open(
        "/oauth/userinfo", method=method, headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )

    assert read(tokens["access_token"])["aud"] == resource
    assert answer.get_json().keys() == {"sub", "email", "email_verified"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
def openid_token(log_in, redeem):
    return redeem(log_in().onward).get_json()["access_token"]


def test_userinfo_takes_the_token_from_a_form(openid_token, client):
    answer = client.post("/oauth/userinfo", data={"access_token": openid_token})

    assert answer.status_code == 200
    assert answer.get_json()["email"] == "alice@example.com"


def test_userinfo_with_a_token_in_two_places_is_refused(openid_token, client):
    headers = {"Authorization": f"Bearer {openid_token}"}

    twice = client.post("/oauth/userinfo", data={"access_token": openid_token}, headers=headers)
    repeated = client.post("/oauth/userinfo", data={"access_token": [openid_token, openid_token]})

    for answer in (twice, repeated):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_userinfo_with_an_empty_form_reads_the_header(openid_token, client):
    headers = {"Authorization": f"Bearer {openid_token}"}

    answer = client.post("/oauth/userinfo", data={"access_token": "", "other": "x"}, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"method": "GET", "query_string": True},
        {"method": "POST", "query_string": True},
        {"method": "POST", "json": True},
        {"method": "POST", "data": True, "content_type": "multipart/form-data"},
        {"method": "GET", "data": True},
    ],
    ids=" ".join,
)
def test_userinfo_takes_a_token_from_nowhere_else(openid_token, client, sent):
    parts = {name: {"access_token": openid_token} if part is True else part for name, part in sent.items()}

    answer = client.open("/oauth/userinfo", **parts)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_userinfo_without_a_token_is_challenged(client):
    answer = client.get("/oauth/userinfo")

    assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")


def test_userinfo_with_a_bad_token_says_so(client):
    answer = client.get("/oauth/userinfo", headers={"Authorization": "Bearer nonsense"})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_userinfo_without_openid_is_forbidden(log_in, redeem, client):
    token = redeem(log_in(scope="email").onward).get_json()["access_token"]

    answer = client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 403
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]


def refresh(client, tokens):
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}
    return client.post("/oauth/token", data=form)


def test_a_refresh_brings_a_new_id_token(log_in, redeem, client):
    tokens = redeem(log_in(nonce="n").onward).get_json()

    again = refresh(client, tokens).get_json()

    assert read(again["id_token"])["sid"] == read(tokens["id_token"])["sid"]
    assert "nonce" not in read(again["id_token"])


def test_logging_out_asks_first(log_in, redeem, send, client, ask):
    tokens = redeem(log_in().onward).get_json()
    page = client.get("/oauth/logout")
    assert (page.status_code, "alice@example.com" in page.text) == (200, True)
    assert refresh(client, tokens).status_code == 200

    tokens = redeem(ask().location).get_json()
    answer = send(page, "/oauth/logout")

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400
    assert ask().status_code == 200


def test_logging_out_with_an_id_token_asks_nothing(log_in, redeem, client):
    tokens = redeem(log_in().onward).get_json()

    answer = client.get("/oauth/logout", query_string={"id_token_hint": tokens["id_token"]})

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400
    assert client.get_cookie("touchstone_login") is None


def test_an_access_token_is_no_hint_to_log_out(log_in, redeem, client):
    tokens = redeem(log_in().onward).get_json()

    page = client.get("/oauth/logout", query_string={"id_token_hint": tokens["access_token"]})

    assert "Log out?" in page.text
    assert refresh(client, tokens).status_code == 200


def test_a_client_gets_the_browser_back_after_the_question(log_in, send, client):
    log_in()
    query = {"client_id": "partner", "post_logout_redirect_uri": "https://partner.example/bye", "state": "x"}
    page = client.get("/oauth/logout", query_string=query)

    answer = send(page, "/oauth/logout")

    assert answer.onward == "https://partner.example/bye?state=x"


def test_logging_out_towards_an_unknown_address_ends_nothing(log_in, client, ask):
    log_in()
    query = {"client_id": "partner", "post_logout_redirect_uri": "https://evil.example/"}

    assert client.get("/oauth/logout", query_string=query).status_code == 400
    assert ask().status_code == 303


def test_a_log_out_form_of_another_site_is_not_taken(log_in, client, ask):
    log_in()

    answer = client.post("/oauth/logout", data={"_form": "1800000000." + "A" * 43, "_request": ""})

    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert ask().status_code == 303


def test_a_missing_code_is_an_invalid_request(client):
    answer = client.post("/oauth/token", data={"grant_type": "authorization_code", "client_id": "cli"})

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_a_code_needs_a_client(log_in, redeem):
    answer = redeem(log_in().onward, client_id="")

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_both_documents_say_all_that_clients_look_for(client):
    documents = [
        client.get(f"/.well-known/{name}").get_json()
        for name in ("openid-configuration", "oauth-authorization-server")
    ]

    assert documents[0] == documents[1]
    said = documents[0]
    endpoints = {
        name: said[f"{name}_endpoint"] for name in ("authorization", "token", "userinfo", "end_session")
    }
    assert endpoints == {
        "authorization": f"{ISSUER}/oauth/authorize",
        "token": f"{ISSUER}/oauth/token",
        "userinfo": f"{ISSUER}/oauth/userinfo",
        "end_session": f"{ISSUER}/oauth/logout",
    }
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["id_token_signing_alg_values_supported"] == ["RS256"]
    assert said["subject_types_supported"] == ["public"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["request_uri_parameter_supported"] is False
    assert {"openid", "profile", "email", "orders:read"} <= set(said["scopes_supported"])
    assert "authorization_code" in said["grant_types_supported"]


def keys(app, *words):
    result = app.test_cli_runner().invoke(args=["keys", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def rotate_twice(app, clock):
    """`rotate_twice()`: two rotations, after each of which the old key is removed."""

    def rotate():
        for _ in range(2):
            clock.advance(1000)
            keys(app, "rotate")
            clock.advance(1000)
            assert "removed " in keys(app, "prune")

    return rotate


def test_log_out_with_a_hint_from_before_rotations_asks_nothing(log_in, redeem, client, rotate_twice):
    tokens = redeem(log_in().onward).get_json()
    rotate_twice()

    answer = client.get("/oauth/logout", query_string={"id_token_hint": tokens["id_token"]})

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400


def test_prompt_none_with_a_hint_from_before_rotations_answers(log_in, redeem, ask, rotate_twice):
    tokens = redeem(log_in().onward).get_json()
    rotate_twice()

    answer = answer_in(ask(prompt="none", id_token_hint=tokens["id_token"]).location)

    assert (answer["state"], "code" in answer) == ("s", True)


def unreadable(kind, token, app):
    """Return a hint that cannot be read, made from one that could."""
    head, payload, signature = token.split(".")
    if kind == "withdrawn":
        keys(app, "withdraw", jwt.get_unverified_header(token)["kid"])
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    foreign = jwt.encode(read(token), "s" * 64, "HS256", jwt.get_unverified_header(token) | {"alg": "HS256"})
    forms = {"withdrawn": token, "garbage": "garbage", "unsigned": f"{none}.{payload}.", "foreign": foreign}
    return forms.get(kind, f"{head}.{payload}.{signature[:-8]}AAAAAAAA")


UNREADABLE = ["withdrawn", "garbage", "unsigned", "foreign", "tampered"]


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_hint_to_log_out_leads_to_the_question(app, log_in, redeem, client, send, kind):
    tokens = redeem(log_in().onward).get_json()
    query = {"id_token_hint": unreadable(kind, tokens["id_token"], app), "client_id": "partner"}
    query |= {"post_logout_redirect_uri": "https://partner.example/bye", "state": "x" * 3000 + "/&=+ %"}

    page = client.get("/oauth/logout", query_string=query)
    assert "Log out?" in page.text
    assert refresh(client, tokens).status_code == 200

    assert answer_in(send(page, "/oauth/logout").onward) == {"state": query["state"]}


def test_unreadable_hint_alone_leads_to_the_question_and_stays(log_in, redeem, client, send):
    tokens = redeem(log_in().onward).get_json()
    query = {"id_token_hint": "garbage", "post_logout_redirect_uri": "https://partner.example/bye"}

    page = client.get("/oauth/logout", query_string=query)
    answer = send(page, "/oauth/logout")

    assert ("Log out?" in page.text, answer.onward, "Logged out" in answer.text) == (True, None, True)
    assert refresh(client, tokens).status_code == 400


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_hint_with_prompt_none_is_login_required(app, log_in, redeem, ask, kind):
    tokens = redeem(log_in().onward).get_json()

    answer = answer_in(ask(prompt="none", id_token_hint=unreadable(kind, tokens["id_token"], app)).location)

    assert (answer["error"], answer["state"]) == ("login_required", "s")


# As long as the longest query lets it be, and made of what has to be escaped once more at every step.
STATE = "/" * 14_000 + "+&=%;'\"<ü\u2028\n"


def test_state_comes_back_through_all_pages(ask, log_in, send):
    page = log_in(PARTNERS, state=STATE)
    again = send(ask(PARTNERS, state=STATE, prompt="login"), email="alice@example.com", password="wrong")

    assert answer_in(send(page, _choice="allow").onward)["state"] == STATE
    assert answer_in(send(page, _choice="deny").onward)["state"] == STATE
    assert again.status_code == 403
    entered = send(again, email="alice@example.com", password=PASSWORD)
    assert answer_in(entered.onward)["state"] == STATE


def test_state_comes_back_after_a_request_by_post(client):
    moved = client.post("/oauth/authorize", data=REQUEST | {"state": STATE, "prompt": "none"})

    answer = answer_in(client.get(moved.location).location)

    assert (answer["error"], answer["state"]) == ("login_required", STATE)


def test_log_in_for_unknown_scopes_grants_the_others(log_in, redeem):
    tokens = redeem(log_in(scope=" openid  offline_access phone orders:read ").onward).get_json()

    assert tokens["scope"] == "openid orders:read"


def test_refresh_with_the_scope_that_was_asked_for_narrows(log_in, redeem, client):
    scope = "openid orders:read admin offline_access"
    tokens = redeem(log_in(scope=scope).onward).get_json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}

    wider = client.post("/oauth/token", data=form | {"scope": f"{scope} orders:write"})
    again = client.post("/oauth/token", data=form | {"scope": scope})

    assert (wider.status_code, wider.get_json()["error"]) == (400, "invalid_scope")
    assert again.get_json()["scope"] == tokens["scope"] == "openid orders:read"
