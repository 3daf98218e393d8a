"""Responses streamed from services, and what happens when one side disconnects."""

import socket
import threading
import time

import pytest


def chunked(connection, *pieces):
    for piece in pieces:
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_response_is_streamed(gateway, upstream):
    go_on = threading.Event()

    def trickle(_request, connection):
        connection.sendall(HEAD)
        chunked(connection, b"first")
        go_on.wait(10)
        chunked(connection, b"last")
        connection.sendall(b"0\r\n\r\n")

    upstream.respond = trickle
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
    line.head()
    first = line.chunk()
    go_on.set()

    assert (first, line.chunk(), line.chunk()) == (b"first", b"last", b"")


def test_large_response_reaches_slow_client(gateway, upstream):
    data = bytes(range(256)) * 40_000  # 10 MB, more than all buffers on the way
    upstream.respond = lambda _request, connection: upstream.say(connection, data)
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.2)

    assert line.response().body == data


def test_response_not_read_is_cut(strict, another_upstream):
    def endless(_request, connection):
        connection.sendall(HEAD)
        while True:
            chunked(connection, b"a" * 65536)

    another_upstream.respond = endless
    line = strict.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")

    assert another_upstream.gone.wait(20)
    assert strict.request("GET", "/livez").status == 200
    line.stream.read()  # ends


def test_client_disconnect_ends_upstream_call(gateway, upstream):
    called = threading.Event()

    def never(_request, connection):
        called.set()
        connection.recv(1)  # until the gateway hangs up
        raise OSError

    upstream.respond = never
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
    assert called.wait(10)
    line.stream.close()
    line.socket.close()

    assert upstream.gone.wait(4)


HALF = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
    "no last chunk": HEAD + b"4\r\nhalf\r\n",
    "half a chunk": HEAD + b"99\r\nhalf",
    "half a last chunk": HEAD + b"4\r\nhalf\r\n0\r\n",
    "a broken chunk": HEAD + b"4\r\nhalf\r\nxyz\r\n",
}


@pytest.mark.parametrize("half", list(HALF))
def test_response_truncated_is_not_completed(gateway, upstream, half):
    seen = threading.Event()

    def cut_off(_request, connection):
        connection.sendall(HALF[half])
        seen.wait(10)
        connection.shutdown(socket.SHUT_RDWR)

    upstream.respond = cut_off
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
    assert line.head().status == 200
    seen.set()

    assert not line.stream.read().endswith(b"0\r\n\r\n")  # nor does it have the 99 bytes of the length


def test_http_1_0_response_of_unknown_length_is_505(gateway, upstream):
    """There the end of the connection would end the body, so a part would look like the whole."""
    go_on = threading.Event()

    def trickle(_request, connection):
        connection.sendall(HEAD)
        go_on.wait(10)

    upstream.respond = trickle
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.0\r\n\r\n")

    assert line.response().problem() == "http_version_not_supported"
    go_on.set()


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_response_without_body(gateway, upstream, status):
    upstream.respond = lambda _r, connection: connection.sendall(
        f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode()
    )
    line = gateway.connect()
    line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n" * 2)

    assert [line.response().status, line.response().status] == [int(status[:3])] * 2


def test_interim_response_is_skipped(gateway, upstream):
    upstream.respond = lambda _r, c: c.sendall(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )

    assert gateway.request("GET", "/products").body == b"ok"


def test_response_cookies_are_passed_on(gateway, upstream):
    upstream.respond = lambda _r, c: upstream.say(
        c, b"ok", "200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2", "Server: x", "Connection: X-In", "X-In: 1"
    )
    response = gateway.request("GET", "/products")

    assert response["set-cookie"] == "a=1, b=2"
    assert (response["server"], response["x-in"]) == ("touchstone", "")
    assert response["x-content-type-options"] == "nosniff"


def test_redirect_is_not_followed(gateway, upstream):
    upstream.respond = lambda _r, c: upstream.say(c, b"", "302 Found", "Location: http://127.0.0.1:1/")

    assert gateway.request("GET", "/products").status == 302


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "HEAD"])
def test_method_is_passed_on(gateway, upstream, bearer, method):
    path, audience = {
        "POST": ("/orders/1/cancel", "orders-service"),
        "PATCH": ("/users/me", "users-service"),
    }.get(method, ("/admin/keys/x", "auth-service"))
    path = "/admin/keys" if method == "HEAD" else path
    token = bearer(audience, scope="admin orders:write profile:write")

    response = gateway.request(method, path, token, body=b"{}" if method == "PATCH" else b"")

    (request,) = upstream.seen
    assert response.status == 200
    assert (request.method, request.target, request.body) == (
        method,
        path,
        b"{}" if method == "PATCH" else b"",
    )
    assert not request.values("content-type") + request.values("expect")
