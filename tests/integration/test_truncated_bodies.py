"""Truncated request bodies do nothing: at each route of a service itself, and in orders through the gateway."""

import json
import socket
import struct
from urllib.parse import urlsplit

import pytest
import requests

SERVICES = ("auth-service", "users-service", "orders-service")
CHANGES = {"post", "put", "patch", "delete"}


def status(url, method, path, rest):
    """Return the status of a request that ends with a half-closed connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(f"{method.upper()} {path} HTTP/1.1\r\nHost: x\r\n".encode() + rest)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            first = stream.readline()
    return int(first.split()[1]) if first else None


@pytest.mark.parametrize("service", SERVICES)
def test_truncated_body_is_refused_on_every_route(cluster, service):
    url = cluster.urls[service]
    paths = requests.get(f"{url}/openapi.json", timeout=10).json()["paths"]
    routes = [(method, path) for path, item in paths.items() for method in CHANGES & item.keys()]
    assert routes
    bodies = (
        b"Content-Length: 9\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    )

    answers = {(*each, body): status(url, *each, body) for each in routes for body in bodies}

    assert {each for each, found in answers.items() if found not in {400, None}} == set()


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_truncated_refresh_uses_no_token(cluster, new_user, gateway, framing):
    refresh = new_user().log_in()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    head = b"Content-Type: application/x-www-form-urlencoded\r\n"
    rest = {
        "length": b"Content-Length: %d\r\n\r\n%b" % (len(body) + 10, body),
        "chunks": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body),
    }[framing]

    assert status(cluster.urls["auth-service"], "post", "/oauth/token", head + rest) in {400, None}
    assert gateway("POST", "/oauth/token", data=form).status_code == 200


@pytest.fixture
def customer(new_user):
    return new_user()


@pytest.fixture
def send_order(gateway, customer, sku):
    """`send_order(framing, end)`: send an order whose body is truncated, and end the connection."""
    body = json.dumps({"items": [{"sku": sku, "quantity": 1}]}).encode()
    parts = urlsplit(gateway.url)

    def send(framing, end):
        chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)
        rest = {
            "length": b"Content-Length: %d\r\n\r\n%b" % (len(body) + 40, body),
            "chunks": chunk,
            "broken chunk": chunk + b"xyz\r\n\r\n",
        }[framing]
        head = f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {customer.token}\r\n"
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
            connection.sendall(head.encode() + rest)
            if end == "half-close":
                connection.shutdown(socket.SHUT_WR)
            if end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return send


@pytest.mark.parametrize("end", ["close", "half-close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunks", "broken chunk"])
def test_truncated_order_is_not_placed(gateway, customer, send_order, place_order, framing, end):
    send_order(framing, end)

    assert place_order(customer.token).status_code == 201
    assert len(gateway("GET", "/orders", token=customer.token).json()["items"]) == 1
