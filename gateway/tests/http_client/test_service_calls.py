"""The gateway's own requests to services."""

import asyncio
import socket

import pytest
from gateway.errors import Refusal
from gateway.http_client.service_calls import MAX_RESPONSE, ServiceCalls
from gateway.http_client.upstreams import Upstream


@pytest.fixture
def call(upstream):
    """`call(…)`: the response of the upstream `stock`, or of a service at `at`."""

    def run(*request, at=upstream.url, **more):
        async def in_loop():
            calls = ServiceCalls({"stock": Upstream("stock", at)})
            try:
                return await calls("stock", *request, **more)
            finally:
                calls.close()

        return asyncio.run(in_loop())

    return run


def test_call_sends_request_and_returns_response(call, upstream):
    response = call("POST", "/things?a=1", [b"x-one: 1"], b"body")

    (seen,) = upstream.seen
    assert (seen.method, seen.target, seen.values("x-one"), seen.body) == (
        "POST",
        "/things?a=1",
        ["1"],
        b"body",
    )
    assert response.status == 200
    assert b'"body": "body"' in response.body


def test_call_reaches_named_address(call, another_upstream, upstream):
    call("GET", "/", url=another_upstream.url)

    assert (len(upstream.seen), len(another_upstream.seen)) == (0, 1)


def test_call_of_stopped_service_is_unavailable(call):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Refusal) as refused:
        call("GET", "/", at=f"http://127.0.0.1:{port}")
    assert refused.value.slug == "upstream_unavailable"


def test_response_too_long_is_bad_gateway(call, upstream):
    upstream.respond = lambda _, connection: upstream.say(connection, b"x" * (MAX_RESPONSE + 1))
    with pytest.raises(Refusal) as refused:
        call("GET", "/")
    assert refused.value.slug == "bad_gateway"


def test_truncated_response_is_bad_gateway(call, upstream):
    def respond(_, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)

    upstream.respond = respond
    with pytest.raises(Refusal) as refused:
        call("GET", "/")
    assert refused.value.slug == "bad_gateway"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:8082", ["http://127.0.0.1:8082"]),
        ("http://[::1]:8082", ["http://[::1]:8082"]),
        ("https://stock.invalid", ["https://stock.invalid"]),
        ("http://name.invalid", []),
    ],
)
def test_addresses_of_service(url, found):
    async def in_loop():
        calls = ServiceCalls({"stock": Upstream("stock", url)})
        try:
            return await calls.addresses("stock")
        finally:
            calls.close()

    assert asyncio.run(in_loop()) == found
