"""Pages redirect to the issuer's address if the host is another; other routes do not."""

import pytest
from auth_service.web.issuer_address import is_issuer_host

ISSUER = "http://localhost:8080"
PAGES = [
    "/oauth/authorize?client_id=cli&state=a%26b+c",
    "/oauth/device?user_code=BCDF-GHJK",
    "/oauth/device",
    "/oauth/logout?state=x",
    "/magic-links?client_id=cli",
    "/magic-links/redeem?token=t",
    "/accounts?client_id=cli",
    "/password-resets?client_id=cli",
    "/account/verification?token=t",
    "/password-resets/redeem?token=t",
]
OTHER_HOSTS = [
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
def test_page_at_other_host_redirects(client, page):
    answer = client.get(page, base_url="http://127.0.0.1:8080")

    assert (answer.status_code, answer.headers["Location"]) == (303, ISSUER + page)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_other_hosts_redirect_to_issuer(client, host):
    answer = client.get("/oauth/device", headers={"Host": host})

    assert answer.headers["Location"] == f"{ISSUER}/oauth/device"


@pytest.mark.parametrize("host", ["localhost:8080", "LocalHost:8080"])
def test_page_at_issuer_is_shown(client, host):
    assert client.get("/oauth/device", headers={"Host": host}).status_code == 200


def test_forwarded_host_of_gateway_counts(client):
    for name, status in (("localhost:8080", 200), ("127.0.0.1:8080", 303)):
        headers = {"Host": "auth-service:8081", "X-Forwarded-Host": name}

        assert client.get("/oauth/device", headers=headers).status_code == status


def test_forwarded_host_from_afar_is_ignored(client):
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
def test_other_routes_do_not_redirect(client, method, path):
    answer = client.open(path, method=method, base_url="http://127.0.0.1:8080")

    assert "Location" not in answer.headers


def test_non_ascii_query_is_escaped(client):
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
def test_is_issuer_host(issuer, host, same):
    """Behind a proxy that does not pass the Host header on, the pages of a public issuer must not redirect forever."""
    assert is_issuer_host(issuer, host) == same
