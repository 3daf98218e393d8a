"""nginx, HAProxy and Caddy in front of the gateway, with the files of deploy/proxies as they are."""

import os
import re
import shutil
import subprocess

import pytest
from gateway.server import IDLE_SECONDS

from .conftest import FILES

FORGED = {"X_Forwarded_For": "198.51.100.1", "Forwarded": "for=198.51.100.2", "X_Forwarded_Proto": "gopher"}


@pytest.fixture
def source(request, proxy) -> str:
    """An address for the client of this proxy alone."""
    return f"127.0.{1 + ['nginx', 'haproxy', 'caddy'].index(request.node.callspec.params['proxy'])}.5"


def test_log_in_and_order(proxy):
    token = f"Bearer {proxy.log_in().json()['access_token']}"
    sku = proxy("GET", "/products").json()["items"][0]["sku"]
    order = {"items": [{"sku": sku, "quantity": 1}]}
    placed = proxy("POST", "/orders", order, Authorization=token)

    assert placed.status == 201
    assert proxy("GET", placed.headers["location"], Authorization=token).status == 200


@pytest.fixture
def curl(proxy, certificate):
    """`curl(path, option…)`: HTTP version and status of the proxy's response."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl: apt-get install curl")

    def send(path, *options):
        command = ["curl", "-sS", "--cacert", str(certificate / "ca.pem"), "-o", os.devnull, *options]
        command += ["-w", "%{http_version} %{http_code}", f"https://localhost:{proxy.port}{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout

    return send


def test_http_2_in_front(curl):
    assert curl("/products", "--http2") == "2 200"


def test_address_of_client_is_audited(proxy, source, last_address):
    assert proxy.log_in(source=source, **FORGED).status == 200
    assert last_address() == source


def test_limit_counts_each_client(proxy, source):
    """120 requests a minute to log-in routes; forged headers change nothing."""
    limited = f"{source}0"
    statuses = [proxy("POST", "/login", {}, source=limited, **FORGED).status for _ in range(130)]

    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert proxy.log_in(source=source).status == 200


def test_page_at_another_host_redirects(proxy):
    """The Host header is not the issuer's, so the page redirects to the issuer: proxy and gateway passed it on as it was."""
    assert proxy("GET", "/oauth/device").status == 303


def test_large_body_is_refused(curl, tmp_path):
    """Caddy sends the body on and answers 502, as the gateway refuses it at its head and closes the connection.

    Curl may notice the closed connection before it has read the response, and then reports 000, or an earlier 100.
    """
    (tmp_path / "body").write_bytes(b"x" * (17 << 20))
    _, status = curl("/login", "--http1.1", "--data-binary", f"@{tmp_path / 'body'}").split()
    assert status in {"413", "502", "000", "100"}


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("nginx.conf", r"keepalive 64;\s+keepalive_timeout (\d+)s;"),
        ("haproxy.cfg", r"pool-purge-delay (\d+)s"),
        ("Caddyfile", r"keepalive (\d+)s"),
    ],
)
def test_gateway_keeps_idle_connections_longer(file, pattern):
    """Else a proxy could send a request on a connection that the gateway is closing."""
    (seconds,) = re.findall(pattern, (FILES / file).read_text())
    assert int(seconds) == 60 < IDLE_SECONDS


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("nginx.conf", r"proxy_read_timeout (\d+)s"),
        ("haproxy.cfg", r"timeout server (\d+)s"),
        ("Caddyfile", r"response_header_timeout (\d+)s"),
    ],
)
def test_long_polls_fit_into_the_timeout(file, pattern):
    (seconds,) = re.findall(pattern, (FILES / file).read_text())
    assert int(seconds) >= 35
