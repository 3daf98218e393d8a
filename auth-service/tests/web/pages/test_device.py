"""The device grant: the device's requests, and the page on which a user decides."""

import re
from html import unescape

import pytest

from ..helpers import PASSWORD, error_of, fields_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAGE = "/oauth/device"


@pytest.fixture
def start(client):
    return lambda **form: client.post("/oauth/device_authorization", data={"client_id": "cli"} | form)


@pytest.fixture
def started(start):
    return start(scope="orders:read profile:read").get_json()


@pytest.fixture
def poll(app, started):
    def poll(**form):
        form = {"grant_type": GRANT, "client_id": "cli", "device_code": started["device_code"]} | form
        return app.test_client().post("/oauth/token", data=form)

    return poll


class Browser:
    """A browser at the device page: submits forms and follows redirects."""

    def __init__(self, client):
        self._client = client
        self.answer = None

    def get(self, path):
        self.answer = self._client.get(path)
        return self.answer

    def send(self, **fields):
        self.answer = self._client.post(PAGE, data=fields_of(self.answer) | fields)
        if self.answer.status_code == 303:
            self.get(self.answer.headers["Location"])
        return self.answer

    @property
    def text(self):
        return unescape(self.answer.get_data(as_text=True))


@pytest.fixture
def browser(app):
    return Browser(app.test_client())


@pytest.fixture
def alice(browser):
    browser.get(PAGE)
    browser.send(email="alice@example.com", password=PASSWORD)
    return browser


def test_device_authorization_response(start):
    answer = start()

    body = answer.get_json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}", body["user_code"])
    assert len(body["device_code"]) == 43
    assert body["verification_uri"] == "http://localhost:8080/oauth/device"
    assert body["verification_uri_complete"] == f"{body['verification_uri']}?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (600, 5)


@pytest.mark.parametrize(
    ("form", "status", "slug"),
    [
        ({"client_id": ""}, 401, "invalid_client"),
        ({"client_id": "unknown"}, 401, "invalid_client"),
        ({"client_id": "orders-service"}, 401, "invalid_client"),
        ({"client_id": "console"}, 400, "unauthorized_client"),
        ({"scope": "everything"}, 400, "invalid_scope"),
        ({"scope": 'openid "b"'}, 400, "invalid_scope"),
        ({"resource": "elsewhere"}, 400, "invalid_target"),
    ],
)
def test_refused_device_is_oauth_error_of(start, form, status, slug):
    assert error_of(start(**form)) == (status, slug)


def test_unknown_device_scopes_are_ignored(start):
    assert start(scope=" openid  offline_access phone ").status_code == 200


def test_metadata_names_device_endpoint(client):
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()

    assert metadata["device_authorization_endpoint"] == "http://localhost:8080/oauth/device_authorization"
    assert GRANT in metadata["grant_types_supported"]


def test_allowed_device_gets_tokens_once(alice, started, poll, clock, client):
    assert error_of(poll()) == (400, "authorization_pending")
    clock.advance(5)

    alice.send(user_code=started["user_code"].lower().replace("-", " "))
    assert "Command line" in alice.text
    assert "See your orders" in alice.text
    assert started["user_code"] in alice.text
    alice.send(_choice="allow")
    assert "Connected" in alice.text

    answer = poll()
    assert (answer.status_code, answer.get_json()["scope"]) == (200, "orders:read profile:read")
    again = {"grant_type": "refresh_token", "refresh_token": answer.get_json()["refresh_token"]}
    assert client.post("/oauth/token", data=again).status_code == 200
    clock.advance(5)
    assert error_of(poll()) == (400, "invalid_grant")


def test_denied_device_gets_access_denied(alice, started, poll):
    alice.send(user_code=started["user_code"])
    alice.send(_choice="deny")

    assert "Denied" in alice.text
    assert error_of(poll()) == (400, "access_denied")


def test_anything_but_allow_denies_the_device(alice, started, poll):
    alice.send(user_code=started["user_code"])
    alice.send()

    assert error_of(poll()) == (400, "access_denied")


def test_early_poll_is_slow_down(poll):
    poll()

    assert error_of(poll()) == (400, "slow_down")


def test_device_code_expires_after_ten_minutes(poll, clock):
    clock.advance(600)

    assert error_of(poll()) == (400, "expired_token")


@pytest.mark.parametrize(
    ("form", "status", "slug"),
    [
        ({"device_code": ""}, 400, "invalid_request"),
        ({"device_code": "made up"}, 400, "invalid_grant"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"client_id": "console"}, 400, "unauthorized_client"),
    ],
)
def test_poll_of_other_client_is_refused(poll, form, status, slug):
    assert error_of(poll(**form)) == (status, slug)


def test_code_in_address_is_only_filled_in(alice, started, poll):
    answer = alice.get(f"{PAGE}?user_code={started['user_code']}")

    assert f'value="{started["user_code"]}"' in alice.text
    assert "Command line" not in alice.text
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert error_of(poll()) == (400, "authorization_pending")


def test_code_in_address_survives_login(browser, started):
    browser.get(f"{PAGE}?user_code={started['user_code']}")
    browser.send(email="alice@example.com", password=PASSWORD)

    assert f'value="{started["user_code"]}"' in browser.text


def test_code_without_login_shows_login_form(browser, started):
    browser.get(PAGE)
    browser.send(_step="code", user_code=started["user_code"])

    assert "Command line" not in browser.text
    assert "Password" in browser.text


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"email": "alice@example.com", "password": "wrong"}, 403), ({"email": "", "password": ""}, 422)],
)
def test_failed_login_stays_on_page(browser, fields, status):
    browser.get(PAGE)

    assert browser.send(**fields).status_code == status
    assert "There is a problem" in browser.text


@pytest.mark.parametrize("code", ["BBBB-BBBB", "", "x", "<script>", "\x01", "é" * 500])
def test_unknown_code_shows_error_of(alice, code):
    answer = alice.send(user_code=code)

    assert answer.status_code == 422
    assert "has expired" in alice.text
    assert "<script>" not in answer.get_data(as_text=True)


def test_guessing_codes_is_429_with_retry_after(alice, started, poll):
    for _ in range(5):
        alice.get(PAGE)
        alice.send(user_code="BBBB-BBBB")
    alice.get(PAGE)
    answer = alice.send(user_code=started["user_code"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "31")


@pytest.mark.parametrize("step", ["login", "code", "confirm"])
def test_forged_form_is_refused(alice, started, poll, step):
    form = {"_step": step, "_form": "1.x", "user_code": started["user_code"], "_choice": "allow"}
    form |= {"_scopes": "orders:read profile:read", "email": "bob@example.com", "password": PASSWORD}

    answer = alice._client.post(PAGE, data=form)

    assert answer.status_code == 403
    assert error_of(poll()) == (400, "authorization_pending")


def test_decision_for_other_code_is_refused(alice, started, start, poll):
    other = start(scope="profile:read").get_json()
    alice.send(user_code=other["user_code"])

    answer = alice.send(_request=f"user_code={started['user_code']}", _choice="allow")

    assert answer.status_code == 403
    assert error_of(poll()) == (400, "authorization_pending")


@pytest.mark.parametrize(("body", "kind"), [(b"\xff", None), (b"{}", "application/json"), (b"", None)])
def test_malformed_form_is_page(browser, body, kind):
    answer = browser._client.post(PAGE, data=body, content_type=kind or "application/x-www-form-urlencoded")

    assert answer.status_code in {200, 400}
    assert answer.mimetype == "text/html"


def test_malformed_query_is_error_page(browser):
    assert browser._client.get(f"{PAGE}?user_code=%ff").status_code == 400
