"""Pages have one address, the issuer's: opened elsewhere they redirect there, and nothing else does."""

import pytest
from auth_service.web.issuer_address import is_issuer_host

ISSUER = "http://localhost:8080"
PAGES = [
    "/oauth/authorize?client_id=cli&state=a%26b+c",
    "/oauth/device?user_code=BCDF-GHJK",
    "/oauth/device",
    "/oauth/logout?state=x",
    "/magic-links/redeem?token=t",
    "/account/verification?token=t",
    "/password-resets/redeem?token=t",
]
ELSEWHERE = [
    "127.0.0.1:8080",
    "[::1]:8080",
    "localhost:8081",
    "localhost",
    "LOCALHOST:80",
    "evil.example",
    "localhost:8080.evil.example",
    "localhost:8080@evil.example",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opened_elsewhere_redirects_to_the_issuer(client, page):
    answer = client.get(page, base_url="http://127.0.0.1:8080")

    assert (answer.status_code, answer.headers["Location"]) == (303, ISSUER + page)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ELSEWHERE)
def test_any_other_address_redirects_to_the_issuer(client, host):
    answer = client.get("/oauth/device", headers={"Host": host})

    assert answer.headers["Location"] == f"{ISSUER}/oauth/device"


@pytest.mark.parametrize("host", ["localhost:8080", "LocalHost:8080"])
def test_a_page_at_the_issuers_address_is_shown(client, host):
    assert client.get("/oauth/device", headers={"Host": host}).status_code == 200


def test_behind_the_gateway_the_browsers_host_counts(client):
    for name, status in (("localhost:8080", 200), ("127.0.0.1:8080", 303)):
        headers = {"Host": "auth-service:8081", "X-Forwarded-Host": name}

        assert client.get("/oauth/device", headers=headers).status_code == status


def test_a_forwarded_host_from_afar_does_not_count(client):
    answer = client.get(
        "/oauth/device",
        base_url="http://127.0.0.1:8080",
        headers={"X-Forwarded-Host": "localhost:8080"},
        environ_overrides={"REMOTE_ADDR": "8.8.8.8"},
    )

    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/oauth/userinfo"),
        ("GET", "/oauth/pages.css"),
        ("GET", "/account/sessions"),
        ("GET", "/livez"),
        ("POST", "/login"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/device"),
        ("POST", "/magic-links/redeem"),
    ],
)
def test_only_pages_redirect(client, method, path):
    answer = client.open(path, method=method, base_url="http://127.0.0.1:8080")

    assert "Location" not in answer.headers


def test_a_query_that_is_no_ascii_stays_in_the_address(client):
    answer = client.get(
        "/oauth/device",
        base_url="http://127.0.0.1",
        environ_overrides={"QUERY_STRING": "user_code=\xe9\r\nX: y"},
    )

    assert answer.headers["Location"] == f"{ISSUER}/oauth/device?user_code=%E9%0D%0AX:%20y"


@pytest.mark.parametrize(
    ("issuer", "host", "same"),
    [
        ("https://id.example", "id.example", True),
        ("https://id.example", "id.example:443", True),
        ("https://id.example", "id.example:8443", False),
        ("https://id.example", "www.id.example", False),
        ("https://id.example", "10.0.0.7:8080", True),
        ("https://id.example", "8.8.8.8", False),
        ("https://id.example", "gateway:8080", True),
        ("https://id.example", "127.0.0.1:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://[::1]:8080", "127.0.0.1:8080", False),
        ("http://localhost", "localhost:80", True),
        ("http://localhost", "[::1", False),
        ("http://localhost", "localhost:x", False),
        ("http://localhost", "", False),
    ],
)
def test_a_host_is_the_issuers_or_not(issuer, host, same):
    """Behind a proxy that does not pass Host on, a public issuer's pages must not redirect for ever."""
    assert is_issuer_host(issuer, host) == same
