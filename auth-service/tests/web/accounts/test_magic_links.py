"""Log-in links and codes: clients with and without cookies, and browsers."""

import pytest

from ..helpers import fields_of, slug_of


def request_link(client, email="alice@example.com"):
    return client.post("/magic-links", json={"email": email})


def redeem(client, **body):
    return client.post("/magic-links/redeem", json=body)


@pytest.fixture
def other_client(client):
    """A second client, with cookies of its own."""
    return client.application.test_client()


def test_link_cookie_and_token_log_in(client, outbox):
    requested = request_link(client)
    answer = redeem(client, token=outbox.token)

    assert requested.status_code == 202
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert redeem(client, token=outbox.token).status_code == 400  # the cookie went with the log-in


def test_binding_replaces_cookie(client, other_client, outbox):
    binding = request_link(client).get_json()["binding"]

    assert redeem(other_client, token=outbox.token, binding=binding).status_code == 200


def test_code_and_address_log_in(client, outbox):
    request_link(client)

    answer = redeem(client, email="alice@example.com", code=outbox.code)

    assert answer.status_code == 200


def test_blanks_around_address_are_ignored(client, outbox):
    request_link(client, email=" \u00a0alice@example.com\t")

    answer = redeem(client, email="alice@example.com ", code=outbox.code)

    assert (outbox.last.to, answer.status_code) == ("alice@example.com", 200)


def test_missing_binding_is_named(client, other_client, outbox):
    request_link(client)

    answer = redeem(other_client, token=outbox.token)

    assert (answer.status_code, slug_of(answer)) == (400, "binding_missing")
    assert redeem(client, token=outbox.token).status_code == 200


def test_other_binding_is_unauthorized(client, other_client, outbox):
    request_link(client)
    token = outbox.token
    request_link(other_client)

    answer = redeem(other_client, token=token)

    assert (answer.status_code, slug_of(answer)) == (401, "bad_link")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("email", ["alice@example.com", "unknown@example.com", "no address", "", "a" * 2000])
def test_response_is_same_for_every_address(client, email):
    known, other = request_link(client), request_link(client, email)

    def shape(answer):
        return answer.status_code, [name for name, _ in answer.headers], answer.content_length

    assert shape(known) == shape(other)
    assert known.status_code == 202


def test_scope_and_audience_limit_token(client, outbox):
    request_link(client)

    answer = redeem(client, token=outbox.token, scope="orders:read", audience="orders-service")

    assert answer.get_json()["scope"] == "orders:read"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": ""},
        {"email": "alice@example.com"},
        {"code": "BCDF-GHJK"},
        {"token": "t", "email": "e", "code": "c"},
    ],
)
def test_token_or_code_is_required(client, body):
    assert redeem(client, **body).status_code == 422


def test_link_cookie_is_http_only(make_app):
    cookie = request_link(make_app().test_client()).headers["Set-Cookie"]

    assert cookie.startswith("magic=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_link_cookie_with_https_has_host_prefix(make_app):
    app = make_app(issuer="https://auth.example", demo=False)

    cookie = request_link(app.test_client()).headers["Set-Cookie"]

    assert cookie.startswith("__Host-magic=")
    assert "Secure" in cookie


def test_opening_link_does_not_use_it_up(client, outbox):
    request_link(client)
    for _ in range(3):
        page = client.get(f"/magic-links/redeem?token={outbox.token}")
        assert page.status_code == 200
        assert client.head(f"/magic-links/redeem?token={outbox.token}").status_code == 200

    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert redeem(client, token=outbox.token).status_code == 200


def submit_link(client, token):
    page = client.get(f"/magic-links/redeem?token={token}")
    return client.post("/magic-links/redeem", data=fields_of(page))


def test_link_form_logs_in_and_redirects(client, outbox):
    request_link(client)

    answer = submit_link(client, outbox.token)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "http://localhost:8080/"
    assert client.get_cookie("touchstone_login").value
    assert client.get_cookie("magic") is None


def test_link_form_in_other_browser_is_refused(client, other_client, outbox):
    request_link(client)

    answer = submit_link(other_client, outbox.token)

    assert answer.status_code == 400
    assert "in the browser that requested it" in answer.text
    assert submit_link(client, outbox.token).status_code == 303


def test_link_form_shows_used_link(client, outbox):
    request_link(client)
    token = outbox.token
    submit_link(client, token)
    request_link(client)

    answer = submit_link(client, token)

    assert answer.status_code == 400
    assert "already used" in answer.text


def test_link_form_of_other_site_is_refused(client, outbox):
    request_link(client)

    answer = client.post("/magic-links/redeem", data={"token": outbox.token, "_form": "made up"})

    assert answer.status_code == 403
    assert redeem(client, token=outbox.token).status_code == 200


def test_link_token_is_escaped(client):
    page = client.get("/magic-links/redeem?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

    assert "<script" not in page.text


def test_full_outbox_is_503_with_retry_after(client, outbox):
    outbox.full = True

    answer = request_link(client)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
