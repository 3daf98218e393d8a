"""Each route of each service, asked at the service itself with a body that breaks off: refused, and nothing is done."""

import socket
from urllib.parse import urlsplit

import pytest
import requests

SERVICES = ("auth-service", "users-service", "orders-service")
CHANGES = {"post", "put", "patch", "delete"}


def status(url, method, path, rest):
    """Return the status of a request that ends with a half-closed connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
        line.sendall(f"{method.upper()} {path} HTTP/1.1\r\nHost: x\r\n".encode() + rest)
        line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as stream:
            first = stream.readline()
    return int(first.split()[1]) if first else None


@pytest.mark.parametrize("service", SERVICES)
def test_truncated_body_is_refused_on_every_route(cluster, service):
    url = cluster.urls[service]
    paths = requests.get(f"{url}/openapi.json", timeout=10).json()["paths"]
    asked = [(method, path) for path, item in paths.items() for method in CHANGES & item.keys()]
    assert asked
    bodies = (
        b"Content-Length: 9\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    )

    answers = {(*each, body): status(url, *each, body) for each in asked for body in bodies}

    assert {each for each, found in answers.items() if found not in {400, None}} == set()


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_truncated_refresh_uses_no_token(cluster, new_user, gateway, framing):
    user = new_user()
    login = {"email": user.email, "password": user.password}
    refresh = gateway("POST", "/login", json=login).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    head = b"Content-Type: application/x-www-form-urlencoded\r\n"
    rest = {
        "length": b"Content-Length: %d\r\n\r\n%b" % (len(body) + 10, body),
        "chunks": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body),
    }[framing]

    assert status(cluster.urls["auth-service"], "post", "/oauth/token", head + rest) in {400, None}
    assert gateway("POST", "/oauth/token", data=form).status_code == 200
