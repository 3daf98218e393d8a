"""The door as the network sees it: one row for each thing that must not pass."""

import json
import time

import pytest
from gateway.http_server import http11 as wire

FORBIDDEN = [
    "*", "products", "?x", "evil:443", "//products", "/orders//1", "/.", "/..", "/../products", "/orders/..", "/orders/./1", "/products\\", "/products;a=b",
    "/%2fproducts", "/orders%2f1", "/orders%2F1", "/orders%5c1", "/products%00", "/%2e%2e/products", "/orders/%2e%2E/products", "/%70roducts", "/%zz",
    "http://evil/products", "https://evil/products", "HTTP://gateway.test/products", "/products#a", "/products?a=\\", "/prod\xfccts", "/prod\x7fucts",
]  # fmt: skip


@pytest.mark.parametrize("target", FORBIDDEN)
def test_a_forbidden_target_is_400_and_reaches_no_service(gateway, upstream, target):
    answer = gateway.ask("GET", target)

    assert answer.status == 400
    assert answer.problem() in ("bad_target", "bad_request")
    assert upstream.seen == []


def head(*lines, method="GET", target="/products", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


HOST = "Host: gateway.test"
REFUSED = {
    "CONNECT": (head("Host: evil:443", method="CONNECT", target="evil:443"), 400),
    "OPTIONS *": (head(HOST, method="OPTIONS", target="*"), 400),
    "TRACE": (head(HOST, method="TRACE"), 405),
    "an unknown method": (head(HOST, method="FOO"), 400),
    "another method": (head(HOST, method="DELETE"), 405),
    "no Host": (head(), 400),
    "two Hosts": (head(HOST, HOST), 400),
    "two Authorizations": (head(HOST, "Authorization: a", "authorization: b"), 400),
    "two Content-Lengths": (head(HOST, "Content-Length: 2", "Content-Length: 2", method="POST", target="/login") + b"{}", 400),
    "two different Content-Lengths": (head(HOST, "Content-Length: 2", "Content-Length: 3", method="POST", target="/login") + b"{}", 400),
    "length and chunks": (head(HOST, "Content-Length: 2", "Transfer-Encoding: chunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "chunks and length": (head(HOST, "Transfer-Encoding: chunked", "Content-Length: 2", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "another transfer coding": (head(HOST, "Transfer-Encoding: gzip, chunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "an unknown transfer coding": (head(HOST, "Transfer-Encoding: xchunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "a blank before the colon": (head(HOST, "Transfer-Encoding : chunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "a negative length": (head(HOST, "Content-Length: -1", method="POST", target="/login"), 400),
    "a length with a sign": (head(HOST, "Content-Length: +1", method="POST", target="/login") + b"1", 400),
    "a bad chunk": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/login") + b"zz\r\n", 400),
    "bare line feeds": (b"GET /products HTTP/1.1\nHost: gateway.test\n\n", 400),
    "a folded header": (head(HOST, "X: a\r\n b"), 400),
    "a NUL in a header": (head(HOST, "X: a\0b"), 400),
    "HTTP/2.0": (head(HOST, version="HTTP/2.0"), 505),
    "HTTP/0.9": (head(HOST, version="HTTP/0.9"), 505),
    "HTTP/2 at once": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "another expectation": (head(HOST, "Expect: more", "Content-Length: 2", method="POST", target="/login") + b"{}", 417),
    "a long target": (head(HOST, target="/" + "a" * 9000), 414),
    "an endless target": (head(HOST, target="/" + "a" * 60000), 414),
    "a big header": (head(HOST, "X: " + "a" * 40000), 431),
    "an endless header": (head(HOST, "X: " + "a" * 200000)[:-4], 431),
    "many headers": (head(HOST, *["X: a"] * 101), 431),
    "a big body": (head(HOST, "Content-Length: 65537", method="POST", target="/login") + b"a" * 65537, 413),
    "a huge body": (head(HOST, "Content-Length: 99999999999", method="POST", target="/login"), 413),
    "a big body in chunks": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/login") + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n", 413),
    "a big body in chunks at a route that is not for log-in": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/oauth/token") + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n", 413),
    "metrics": (head(HOST, target="/metrics"), 404),
    "a place that is not listed": (head(HOST, target="/users/metrics/x"), 404),
    "no token": (head(HOST, target="/orders"), 401),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_not_acceptable_is_refused_and_reaches_no_service(gateway, upstream, what):
    request, status = REFUSED[what]

    answer = gateway.raw(request)

    assert answer.status == status
    assert answer.problem()
    assert upstream.seen == []


def test_the_largest_body_passes(gateway, upstream):
    answer = gateway.ask("POST", "/oauth/token", body=b"a" * 65536)

    assert answer.status == 200
    assert upstream.seen[0].body == b"a" * 65536


def test_http_1_0_is_served_and_ends(gateway, upstream):
    line = gateway.line()
    line.send(head(version="HTTP/1.0"))

    assert line.answer().status == 200
    assert line.ended()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
def test_nothing_is_ever_upgraded(gateway, upstream, upgrade):
    line = gateway.line()
    line.send(
        head(HOST, "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABk")
    )

    assert line.answer().status == 200
    assert line.ended()
    assert not upstream.seen[0].values("upgrade") + upstream.seen[0].values("http2-settings")


def test_a_client_that_expects_it_is_told_to_continue(gateway, upstream):
    line = gateway.line()
    line.send(head(HOST, "Expect: 100-continue", "Content-Length: 2", method="POST", target="/login"))
    interim = line.head()
    line.send(b"{}")

    assert interim.status == 100
    assert line.answer().status == 200
    assert upstream.seen[0].body == b"{}"
    assert not upstream.seen[0].values("expect")


def test_requests_in_one_go_are_answered_in_turn(gateway):
    line = gateway.line()
    line.send(head(HOST) + head(HOST, target="/livez") + head(HOST, target="/nowhere"))

    assert [line.answer().status for _ in range(3)] == [200, 200, 404]


def test_what_a_stranger_says_about_himself_does_not_reach_a_service(gateway, upstream):
    forged = ["X-Forwarded-For: 6.6.6.6", "X_Forwarded_For: 6.6.6.6", "X.User.Id: root", "x-USER-id: root", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6",
              "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "Proxy: http://evil", "Connection: close, X-Secret", "X-Secret: 1", "TE: trailers"]  # fmt: skip
    gateway.ask("GET", "/products?a=%2e%2e&b", *forged, "X-Request-ID: mine", "Accept: text/x", "X-Empty:")

    (request,) = upstream.seen
    names = sorted(name.lower() for name, _ in request.headers)
    assert request.target == "/products?a=%2e%2e&b"
    assert names == [
        "accept",
        "host",
        "x-empty",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
    ]
    assert request.values("x-forwarded-for") == ["127.0.0.1"]
    assert request.values("x-forwarded-host") == ["gateway.test"]
    assert request.values("x-request-id") == ["mine"]


def test_the_bearer_is_checked_at_the_door_and_passed_on(gateway, upstream, bearer):
    assert gateway.ask("GET", "/orders", bearer()).status == 200
    assert gateway.ask("GET", "/users/me", bearer("users-service")).status == 200
    assert gateway.ask("GET", "/oauth/userinfo", bearer("auth-service")).status == 200
    assert gateway.ask("GET", "/users/me", bearer("orders-service")).status == 401
    assert upstream.seen[0].values("authorization")[0].startswith("Bearer ey")


@pytest.mark.parametrize("credentials", ["Basic YTpi", "Bearer rubbish", "DPoP x"])
def test_credentials_at_a_public_route_pass_unseen(gateway, upstream, credentials):
    gateway.ask("POST", "/oauth/token", f"Authorization: {credentials}", body=b"a=b")

    assert upstream.seen[0].values("authorization") == [credentials]


def test_the_documents_of_the_door_itself(gateway):
    docs = gateway.ask("GET", "/docs")
    home = gateway.ask("GET", "/")

    assert json.loads(gateway.ask("GET", "/livez").body) == {"status": "alive"}
    assert json.loads(gateway.ask("GET", "/readyz").body)["status"] == "ready"
    assert json.loads(gateway.ask("GET", "/openapi.json").body)["openapi"].startswith("3.1")
    assert b"<script" not in docs.body
    assert "default-src 'none'" in docs["content-security-policy"]
    assert (home.status, home["location"]) == (302, "/docs")
    assert gateway.ask("HEAD", "/docs").status == 200


def test_a_missing_token_has_the_plain_challenge(gateway):
    assert gateway.ask("GET", "/orders")["www-authenticate"] == "Bearer"


def test_a_head_request_is_answered_without_a_body_even_when_refused(gateway):
    line = gateway.line()
    line.send(head(HOST, method="HEAD") + head(HOST, method="HEAD", target="/nowhere") + head(HOST))

    assert line.answer("HEAD").status == 200
    assert line.answer("HEAD").status == 404
    assert line.answer().status == 200


def test_a_request_that_does_not_come_in_time_is_given_up(gateway, upstream):
    slow, silent, body = gateway.line(), gateway.line(), gateway.line()
    slow.send(b"GET /products HTTP/1.1\r\nHost: ga")
    body.send(head(HOST, "Expect: 100-continue", "Content-Length: 5", method="POST", target="/oauth/token"))
    assert body.head().status == 100
    body.send(b"a")
    for line, status in ((slow, 408), (body, 408), (silent, None)):
        _watch_all(wire.Connection)
        answer = line.answer()
        assert (answer and answer.status) == status
    assert upstream.seen == []


def test_a_client_that_does_not_read_its_answer_is_given_up(gateway, upstream):
    upstream.answer = lambda _request, connection: upstream.say(connection, b"a" * 20_000_000)
    line = gateway.line()
    line.send(head(HOST, target="/products"))
    assert line.stream.read(1) == b"H"
    time.sleep(0.3)  # until all buffers on the way are full
    _watch_all(wire.Connection, wire.IDLE_SECONDS)

    assert upstream.gone.wait(5)


def test_a_connection_that_is_not_used_is_closed(gateway):
    line = gateway.line()
    line.send(head(HOST))
    line.answer()
    _watch_all(wire.Connection, wire.IDLE_SECONDS)

    assert line.ended()


def _watch_all(kind, seconds=wire.MESSAGE_SECONDS):
    import gc

    for connection in [o for o in gc.get_objects() if isinstance(o, kind) and not o.lost]:
        connection.loop.call_soon_threadsafe(connection.watch, connection.loop.time() + seconds + 1)
    time.sleep(0.05)
