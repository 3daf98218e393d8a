"""The gateway: headers and targets that other proxies trusted, and request smuggling."""

import json

import pytest

PUBLIC, GUARDED = "/products", "/orders"
TRUSTED_HEADERS = [
    ("X-Forwarded-User", "admin", "CVE-2025-64484 (oauth2-proxy)"),
    ("X_Forwarded_User", "admin", "CVE-2025-64484 (oauth2-proxy): an underscore"),
    ("X_Authorization", "Bearer x", "CVE-2025-64484 (oauth2-proxy)"),
    ("X-Auth-Request-User", "admin", "CVE-2025-64484 (oauth2-proxy)"),
    ("X-Forwarded-Uri", PUBLIC, "CVE-2026-40575 (oauth2-proxy): the path of another request"),
    ("X-Original-URI", PUBLIC, "CVE-2026-40575 (oauth2-proxy)"),
    ("X-Original-URL", PUBLIC, "CVE-2026-40575 (oauth2-proxy)"),
    ("X-Forwarded-Prefix", PUBLIC, "CVE-2026-40575 (oauth2-proxy)"),
    ("User-Agent", "GoogleHC/1.0", "CVE-2026-34457 (oauth2-proxy): health checks were let through"),
    ("User-Agent", "kube-probe/1.29", "CVE-2026-34457 (oauth2-proxy)"),
    ("Connection", "close, Authorization", "CVE-2025-48865 (Fabio): headers named as hop-by-hop"),
]
TARGETS = {
    "/orders?x=/products": "CVE-2025-54576 (oauth2-proxy): the query counted as path",
    "/orders?/livez": "CVE-2025-54576 (oauth2-proxy)",
    "/orders#/products": "CVE-2026-41059 (oauth2-proxy): a fragment",
    "/orders%23/products": "CVE-2026-41059 (oauth2-proxy)",
    "/products/..;/orders": "CVE-2026-3872 (Keycloak): ..;/",
    "/products/../orders": "CVE-2026-3872 (Keycloak)",
    "/products;/../orders": "CVE-2026-3872 (Keycloak)",
}


@pytest.mark.parametrize(("name", "value", "advisory"), TRUSTED_HEADERS)
def test_header_does_not_open_guarded_route(gateway, raw_client, name, value, advisory):
    """The identifiers are in TRUSTED_HEADERS."""
    assert raw_client(gateway.url)("GET", GUARDED, (name, value)).status in (400, 401), advisory


@pytest.mark.parametrize("target", list(TARGETS))
def test_path_does_not_open_guarded_route(gateway, raw_client, target):
    """The identifiers are in TARGETS."""
    assert raw_client(gateway.url)("GET", target).status in (400, 401, 404), TARGETS[target]


@pytest.mark.parametrize(
    "lines",
    [
        [("X-Forwarded-For", "203.0.113.9")],
        [("X_Forwarded_For", "203.0.113.9")],
        [("X-Forwarded-For", "203.0.113.9"), ("Connection", "close, X-Forwarded-For")],
        [("Connection", "X-Forwarded-For")],
        [("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")],
    ],
)
def test_forwarded_header_is_not_audited(gateway, raw_client, admin, new_user, lines):
    """CVE-2025-48865 (Fabio), CVE-2025-64484 (oauth2-proxy): forwarded headers were removed, or inserted under another name."""
    user = new_user()
    body = json.dumps(user.credentials).encode()

    answer = raw_client(gateway.url)(
        "POST", "/login", ("Content-Type", "application/json"), *lines, body=body
    )

    assert answer.status in (200, 400)
    audited = gateway("GET", "/admin/audit?limit=100", token=admin.token)
    assert audited.status_code == 200
    assert user.sub in audited.text
    assert "127.0.0.1" in audited.text
    assert "203.0.113.9" not in audited.text


HIDDEN = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = {
    "openlitespeed#392": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "openlitespeed#392, the other order": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + HIDDEN,
    "openlitespeed#392, two lengths": b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n" + HIDDEN,
    "CVE-2026-54387 (tinyproxy)": b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + HIDDEN,
    "CVE-2026-54387 (tinyproxy), a comma": b"Content-Length: 0\r\nTransfer-Encoding: chunked,\r\n\r\n"
    + HIDDEN,
    "CVE-2026-54387 (tinyproxy), unknown": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "tiny-http#173": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "CVE-2022-32213 (llhttp)": b"Transfer-Encoding: chunked\r\n , identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "CVE-2022-35256 (llhttp)": b"X: a\nContent-Length: 34\r\n\r\n" + HIDDEN,
    "CVE-2023-30589 (llhttp)": b"X: \rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "CVE-2025-43859 (h11)": b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}   XX0\r\n\r\n" + HIDDEN,
}


@pytest.mark.parametrize("case", list(SMUGGLED))
def test_ambiguous_request_is_refused_once(send_raw, case):
    """The identifiers are in SMUGGLED: one server's body was the next one's request.

    A bare line feed ends a line (RFC 9112 section 2.2), so the second request of CVE-2022-35256 is the first one's body.
    """
    answer = send_raw(
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + SMUGGLED[case]
    )

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 422", b"HTTP/1.1 501"))
    assert answer.count(b"HTTP/1.1 ") == 1
