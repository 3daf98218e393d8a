"""A body that is not whole does nothing in the cluster, however it breaks off."""

import json
import socket
import struct
from urllib.parse import urlsplit

import pytest


@pytest.fixture
def body(sku):
    return json.dumps({"items": [{"sku": sku, "quantity": 1}]}).encode()


@pytest.fixture
def customer(new_user):
    return new_user()


@pytest.fixture
def half_order(gateway, customer, body):
    """`half_order(framing, end)`: send the head of an order, a framing of its body that is not whole, and the end."""
    parts = urlsplit(gateway.url)

    def send(framing, end):
        chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)
        rest = {
            "length": b"Content-Length: %d\r\n\r\n%b" % (len(body) + 40, body),
            "chunks": chunk,
            "broken chunk": chunk + b"xyz\r\n\r\n",
        }[framing]
        head = f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {customer.token}\r\n"
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
            line.sendall(head.encode() + rest)
            if end == "half-close":
                line.shutdown(socket.SHUT_WR)
            if end == "reset":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return send


@pytest.mark.parametrize("end", ["close", "half-close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunks", "broken chunk"])
def test_truncated_order_is_not_placed(gateway, customer, half_order, place_order, framing, end):
    half_order(framing, end)

    assert place_order(customer.token).status_code == 201
    assert len(gateway("GET", "/orders", token=customer.token).json()["items"]) == 1
