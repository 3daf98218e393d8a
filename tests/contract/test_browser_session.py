"""The browser session of the gateway, as a client without script sees it."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from testkit.browser import Browser
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for

pytestmark = pytest.mark.compose
OWN = {"X-Requested-With": "touchstone"}
SKU = {"items": [{"sku": "STONE-BLK", "quantity": 1}]}


@pytest.fixture
def url(gateway):
    return gateway.url


@pytest.fixture
def browser():
    return Browser("alice@example.com", DEMO_PASSWORD)


def log_in(browser, url, following="/bff/session"):
    """Log in, and return the page at which the browser arrives."""
    return browser.complete(f"{url}/bff/login?next={following}")


@pytest.fixture
def logged_in(browser, url):
    log_in(browser, url)
    return browser


def test_log_in_begins_at_authorization_endpoint(browser, url):
    response = browser.get(f"{url}/bff/login?next=/orders")

    target = urlsplit(response.headers["Location"])
    query = parse_qs(target.query)
    assert (response.status_code, target.path) == (302, "/oauth/authorize")
    assert (query["client_id"], query["code_challenge_method"]) == (["console"], ["S256"])


def test_logged_in_browser_has_a_session(browser, url):
    found = log_in(browser, url).json()

    assert {name: found[name] for name in ("authenticated", "name", "email", "roles")} == {
        "authenticated": True,
        "name": "Alice Example",
        "email": "alice@example.com",
        "roles": ["customer"],
    }
    assert found["sub"] == found["claims"]["sub"]
    assert found["expires_at"] == found["claims"]["exp"]
    assert {"profile:read", "orders:write"} <= set(found["scopes"])
    assert browser.session.cookies["session"] not in found.values()


def test_cookie_works_at_every_service(logged_in, url):
    name = logged_in.get(f"{url}/users/me").json()["name"]
    assert logged_in.get(f"{url}/orders").status_code == 200
    assert logged_in.get(f"{url}/account/sessions").status_code == 200
    placed = logged_in.session.post(f"{url}/orders", json=SKU, headers=OWN, timeout=30)
    assert (placed.status_code, placed.json()["customer"]["name"]) == (201, name)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/orders"), ("PATCH", "/users/me"), ("POST", "/logout"), ("DELETE", "/account/sessions/x")],
)
def test_change_without_own_header_is_refused(logged_in, url, method, path):
    response = logged_in.session.request(method, f"{url}{path}", json={}, timeout=30)

    assert response.status_code == 403
    assert response.json()["type"] == "urn:touchstone:problem:cross_site_request"
    assert log_in(logged_in, url).json()["authenticated"]


def test_header_counts_before_cookie(logged_in, url):
    response = logged_in.session.get(f"{url}/orders", headers={"Authorization": "Bearer x"}, timeout=30)

    assert response.status_code == 401


def test_log_out_ends_session_everywhere(logged_in, url):
    earlier = {"session": logged_in.session.cookies["session"]}

    left = logged_in.session.post(f"{url}/bff/logout", headers={**OWN, "Origin": url}, timeout=30)

    assert (left.status_code, "session" in logged_in.session.cookies) == (204, False)
    assert logged_in.get(f"{url}/bff/session").json() == {"authenticated": False}
    for path in ("/users/me", "/orders"):
        wait_for(lambda path=path: requests.get(url + path, cookies=earlier, timeout=30).status_code == 401)


def test_log_in_after_log_out_asks_for_password(logged_in, url):
    logged_in.session.post(f"{url}/bff/logout", headers=OWN, timeout=30)

    page = logged_in.get(f"{url}/bff/login")
    page = logged_in.get(url + page.headers["Location"])

    assert 'type="password"' in page.text


def test_session_ended_elsewhere_is_gone(logged_in, url):
    sid = logged_in.get(f"{url}/bff/session").json()["claims"]["sid"]

    logged_in.session.delete(f"{url}/account/sessions/{sid}", headers=OWN, timeout=30)

    wait_for(lambda: logged_in.get(f"{url}/bff/session").json() == {"authenticated": False})
    assert "session" not in logged_in.session.cookies


def test_callback_answers_once(browser, url):
    page = browser.get(url + browser.get(f"{url}/bff/login").headers["Location"])
    callback = browser.submit(page, email=browser.email, password=browser.password).headers["Location"]
    assert browser.get(callback).status_code == 302

    again = browser.get(callback)

    assert (again.status_code, again.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
