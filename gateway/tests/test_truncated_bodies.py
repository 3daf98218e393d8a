"""Truncated and malformed bodies, on raw sockets, with a real server and a real service."""

import contextlib
import socket
import struct

import pytest
from gateway.app import create_app
from gateway.request_body import MAX_ROUTE_BODY, RequestBodies
from gateway.routing.route import Route
from gateway.routing.routes import RouteTable

WHOLE = b'{"items": [{"sku": "a", "quantity": 1}]}'
LONGER = b"Content-Length: %d\r\n\r\n" % (len(WHOLE) + 40) + WHOLE
ONE_CHUNK = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(WHOLE), WHOLE)
HALF = {
    "length too long": LONGER,
    "length, nothing sent": b"Content-Length: 2\r\n\r\n",
    "no last chunk": ONE_CHUNK,
    "half a chunk": b"Transfer-Encoding: chunked\r\n\r\n99\r\n" + WHOLE,
    "half a last chunk": ONE_CHUNK + b"0\r\n",
    "half a size": ONE_CHUNK + b"0",
    "unfinished trailers": ONE_CHUNK + b"0\r\nX: 1\r\n",
    "chunks, nothing sent": b"Transfer-Encoding: chunked\r\n\r\n",
}
BROKEN = {
    "invalid size": ONE_CHUNK + b"xyz\r\n\r\n",
    "negative size": ONE_CHUNK + b"-1\r\n\r\n",
    "chunk too long": b"Transfer-Encoding: chunked\r\n\r\n2\r\n" + WHOLE + b"\r\n0\r\n\r\n",
    "chunk too short": b"Transfer-Encoding: chunked\r\n\r\n99\r\n" + WHOLE + b"\r\n0\r\n\r\n" + b"a" * 200,
    "endless size": ONE_CHUNK + b"f" * 32,
}  # fmt: skip


def close(line):
    line.stream.close()
    line.socket.close()


def half_close(line):
    line.socket.shutdown(socket.SHUT_WR)


def reset(line):
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(line)


ENDS = {"close": close, "half-close": half_close, "reset": reset}
ROUTES = [("POST", "/orders"), ("PUT", "/ssf/streams"), ("DELETE", "/account/sessions/1"), ("POST", "/oauth/token"), ("POST", "/login"),
          ("GET", "/products"), ("HEAD", "/products"), ("GET", "/livez")]  # fmt: skip


@pytest.fixture
def begin(gateway, bearer):
    """`begin(rest)`: a connection on which a request with this framing and body was sent."""

    def send(rest, method="POST", path="/orders"):
        line = gateway.connect()
        token = bearer(
            "orders-service" if path == "/orders" else "auth-service", scope="orders:write ssf.manage"
        )
        line.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{token}\r\n".encode() + rest)
        return line

    return send


def settled(gateway, upstream):
    """Return whether the service has received only a later request."""
    assert gateway.request("GET", "/products?later").status == 200
    return upstream.begun == ["/products?later"]


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize("half", list(HALF))
def test_body_truncated_reaches_no_service(gateway, upstream, begin, half, end):
    line = begin(HALF[half])
    ENDS[end](line)

    if end == "half-close":
        with contextlib.suppress(ConnectionError):
            response = line.response()
            assert response is None or response.status == 400
    assert settled(gateway, upstream)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_body_truncated_at_any_route(gateway, upstream, begin, method, path):
    for half in (LONGER, ONE_CHUNK):
        half_close(begin(half, method, path))

    assert settled(gateway, upstream)


@pytest.mark.parametrize("broken", list(BROKEN))
def test_body_malformed_is_400(gateway, upstream, begin, broken):
    line = begin(BROKEN[broken])

    assert line.response().status == 400
    assert line.ended()
    assert settled(gateway, upstream)


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
FRAMINGS = {
    "chunks": ONE_CHUNK + b"0\r\n\r\n",
    "a length": b"Content-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE,
}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"])
@pytest.mark.parametrize("framing", list(FRAMINGS))
def test_body_with_offered_upgrade_is_passed_on(gateway, upstream, begin, framing, method):
    path = {
        "POST": "/orders",
        "PUT": "/ssf/streams",
        "PATCH": "/ssf/streams",
        "DELETE": "/account/sessions/1",
    }

    sender = begin(UPGRADE + FRAMINGS[framing], method, path.get(method, "/products"))
    assert sender.response(method).status == 200
    assert [request.body for request in upstream.seen] == [WHOLE]


@pytest.fixture
def impatient(another_upstream, settings, serve):
    """A gateway that waits 0.1 s for a body."""
    app = create_app(settings(another_upstream.url, rate_limits=False))
    app.bodies = RequestBodies(seconds=0.1)
    with serve(app) as running:
        yield running


@pytest.mark.parametrize("half", list(HALF))
def test_body_unfinished_is_408(impatient, another_upstream, half):
    line = impatient.connect()
    line.send(b"POST /oauth/token HTTP/1.1\r\nHost: a\r\n" + HALF[half])

    assert line.response().problem() == "request_timeout"
    assert line.ended()
    assert settled(impatient, another_upstream)


def test_slow_bodies_use_no_upstream_connection(gateway, upstream, begin):
    before = upstream.connections
    lines = [begin(ONE_CHUNK) for _ in range(50)]
    for line in lines:
        line.send(b"1\r\n \r\n")

    assert settled(gateway, upstream)
    assert upstream.connections <= before + 1
    for line in lines:
        line.send(b"0\r\n\r\n")
    assert {line.response().status for line in lines} == {200}
    assert [request.body for request in upstream.seen[1:]] == [WHOLE + b" "] * 50


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "DELETE"])
def test_body_in_chunks_gets_a_length(gateway, upstream, begin, method):
    path = {"POST": "/orders", "DELETE": "/account/sessions/1"}.get(method, "/products")
    line = begin(b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", method, path)
    line.send(b"4\r\nlast\r\n0\r\nX-Trailer: 1\r\n\r\n")

    assert line.response(method).status == 200
    (request,) = upstream.seen
    assert request.body == b"firstlast"
    assert request.values("content-length") == ["9"]
    assert not request.values("transfer-encoding") + request.values("x-trailer")


def test_body_at_own_route_is_read(gateway):
    line = gateway.connect()
    for framing in (
        b"Content-Length: 2\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ):
        line.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n" + framing)
        assert line.response().status == 200


@pytest.mark.parametrize("length", [65537, 10**9])
def test_body_announced_too_long_is_413(gateway, upstream, begin, length):
    line = begin(b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)

    assert line.head().status == 413
    assert settled(gateway, upstream)


def test_body_of_refused_request_is_not_read(gateway, upstream):
    line = gateway.connect()
    line.send(b"POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    assert line.head().status == 401
    assert settled(gateway, upstream)


def test_rest_of_refused_body_is_ignored(gateway, upstream):
    line = gateway.connect()
    line.send(b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    assert line.response().status == 401
    line.send(b"broken\r\n\r\n")

    assert line.ended()
    assert upstream.begun == []


@pytest.fixture
def roomy(another_upstream, settings, serve):
    """A gateway with a route for long bodies."""
    app = create_app(settings(another_upstream.url, rate_limits=False))
    row = {"path": "/x", "methods": ["PUT"], "upstream": "orders-service", "max_body": MAX_ROUTE_BODY}
    app.routes = RouteTable([Route(**row)], {})
    with serve(app) as running:
        yield running


def test_long_body_is_passed_on(roomy, another_upstream):
    body = bytes(range(256)) * (MAX_ROUTE_BODY // 256)
    another_upstream.respond = lambda _request, connection: another_upstream.say(connection)

    assert roomy.request("PUT", "/x", body=body).status == 200
    assert roomy.request("PUT", "/x", body=b"short").status == 200
    assert [request.body for request in another_upstream.seen] == [body, b"short"]
    assert another_upstream.seen[0].values("content-length") == [str(len(body))]


def test_long_body_answered_early(roomy, another_upstream):
    another_upstream.early = lambda connection: another_upstream.say(connection, b"no", "403 Forbidden")

    assert roomy.request("PUT", "/x", body=b"a" * 4_000_000).status == 403


def test_long_body_is_not_retried(roomy, another_upstream):
    another_upstream.respond = lambda _request, connection: connection.shutdown(socket.SHUT_RDWR)

    assert roomy.request("PUT", "/x", body=b"a" * 4_000_000).status == 502
    assert len(another_upstream.seen) == 1
