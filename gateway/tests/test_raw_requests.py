"""The gateway as the network sees it: one row for each request that must be refused."""

import contextlib
import json

import pytest

FORBIDDEN = [
    "*", "products", "evil:443", "//products", "/orders//1", "/.", "/..", "/../products", "/orders/..", "/orders/./1", "/products\\", "/products;a=b",
    "/%2fproducts", "/orders%2f1", "/orders%2F1", "/orders%5c1", "/products%00", "/%2e%2e/products", "/orders/%2e%2E/products", "/%70roducts", "/%zz",
    "/products?a=\\",
]  # fmt: skip


@pytest.mark.parametrize("target", FORBIDDEN)
def test_forbidden_target_is_400(gateway, upstream, target):
    response = gateway.request("GET", target)

    assert response.status == 400
    assert response.problem() in ("bad_target", "bad_request")
    assert upstream.seen == []


def head(*lines, method="GET", target="/products", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


HOST = "Host: gateway.test"
REFUSED = {
    "CONNECT": (head("Host: evil:443", method="CONNECT", target="evil:443"), 400),
    "OPTIONS *": (head(HOST, method="OPTIONS", target="*"), 400),
    "TRACE": (head(HOST, method="TRACE"), 405),
    "an unknown method": (head(HOST, method="FOO"), 405),
    "another method": (head(HOST, method="DELETE"), 405),
    "no Host": (head(), 400),
    "two Hosts": (head(HOST, HOST), 400),
    "two Authorizations": (head(HOST, "Authorization: a", "authorization: b"), 400),
    "another transfer coding": (head(HOST, "Transfer-Encoding: gzip, chunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "a bad chunk": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/login") + b"zz\r\n", 400),
    "another expectation": (head(HOST, "Expect: more", "Content-Length: 2", method="POST", target="/login") + b"{}", 417),
    "a long target": (head(HOST, target="/" + "a" * 9000), 414),
    "an endless target": (head(HOST, target="/" + "a" * 60000), 414),
    "a big header": (head(HOST, "X: " + "a" * 40000), 431),
    "a big body": (head(HOST, "Content-Length: 65537", method="POST", target="/login") + b"a" * 65537, 413),
    "a huge body": (head(HOST, "Content-Length: 99999999999", method="POST", target="/login"), 413),
    "a big body in chunks": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/login") + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n", 413),
    "a big body in chunks at a route that is not for log-in": (head(HOST, "Transfer-Encoding: chunked", method="POST", target="/oauth/token") + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n", 413),
    "metrics": (head(HOST, target="/metrics"), 404),
    "an unlisted path": (head(HOST, target="/users/metrics/x"), 404),
    "no token": (head(HOST, target="/orders"), 401),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED))
def test_bad_request_is_refused(gateway, upstream, what):
    request, status = REFUSED[what]

    response = gateway.raw(request)

    assert response.status == status
    assert response.problem()
    assert upstream.seen == []


# The server refuses these itself, before the gateway sees a request, and answers without a body.
BROKEN = {
    "two different Content-Lengths": (head(HOST, "Content-Length: 2", "Content-Length: 3", method="POST", target="/login") + b"{}", 400),
    "an unknown transfer coding": (head(HOST, "Transfer-Encoding: xchunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "a blank before the colon": (head(HOST, "Transfer-Encoding : chunked", method="POST", target="/login") + b"0\r\n\r\n", 400),
    "a negative length": (head(HOST, "Content-Length: -1", method="POST", target="/login"), 400),
    "a length with a sign": (head(HOST, "Content-Length: +1", method="POST", target="/login") + b"1", 400),
    "a folded header": (head(HOST, "X: a\r\n b"), 400),
    "a NUL in a header": (head(HOST, "X: a\0b"), 400),
    "HTTP/2.0": (head(HOST, version="HTTP/2.0"), 400),
    "HTTP/0.9": (head(HOST, version="HTTP/0.9"), 400),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "an endless header": (head(HOST, "X: " + "a" * 200000)[:-4], 431),
    "many headers": (head(HOST, *["X: a"] * 101), 431),
    "a target of another form": (head(HOST, target="http:/products"), 400),
    "a byte that is not ASCII in the target": (head(HOST, target="/prod\xfccts"), 400),
    "a control character in the target": (head(HOST, target="/prod\x7fucts"), 400),
}  # fmt: skip


@pytest.mark.parametrize("what", list(BROKEN))
def test_broken_request_ends_connection(gateway, upstream, what):
    request, status = BROKEN[what]
    line = gateway.connect()
    line.send(request)

    assert line.response().status == status
    assert line.ended()
    assert upstream.seen == []


ABSOLUTE = [
    "http://evil/products",
    "https://evil:99/products",
    "HTTP://gateway.test/products",
    "http://user@evil/products",
]


@pytest.mark.parametrize("target", ABSOLUTE)
def test_absolute_form_authority_is_ignored(gateway, upstream, target):
    assert gateway.request("GET", target).status == 200
    (seen,) = upstream.seen
    assert (seen.target, seen.values("x-forwarded-host")) == ("/products", ["gateway.test"])


def post(*lines, body=b"", target="/login", method="POST"):
    return head(HOST, *lines, method=method, target=target) + body


CHUNKED, JSON = "Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n"
FIRST, LAST = head(HOST), head(HOST, "Connection: close")
TRAILER = b"Authorization: Bearer x\r\nContent-Length: 9\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
LOGIN, PRODUCTS = ("/login", b"{}"), ("/products", b"")
# What is sent on one connection, the statuses of all responses, and all that reaches the service.
ROWS = {
    "two in a row": (post("Content-Length: 2", body=b"{}") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "chunks and another": (post(CHUNKED, body=JSON + b"\r\n") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "trailers are no headers": (post(CHUNKED, body=JSON + TRAILER) + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "a bearer only in a trailer": (post(CHUNKED, body=JSON + TRAILER, target="/orders") + LAST, [401, 200], [PRODUCTS]),
    "an endless trailer section": (post(CHUNKED, body=JSON + b"X: y\r\n" * 50_000), [400], []),
    "an endless trailer": (post(CHUNKED, body=JSON + b"X: " + b"y" * 500_000), [400], []),
    "chunk extensions": (post(CHUNKED, body=b"2;a=b;c\r\n{}\r\n0;d\r\n\r\n") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "an endless chunk extension": (post(CHUNKED, body=b"2;" + b"a" * 500_000), [400], []),
    "a chunk size with zeros": (post(CHUNKED, body=b"0002\r\n{}\r\n0\r\n\r\n") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "a chunk size with a sign": (post(CHUNKED, body=b"+2\r\n{}\r\n0\r\n\r\n") + LAST, [400], []),
    "a chunk size with 0x": (post(CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n") + LAST, [400], []),
    "a chunk size beyond 64 bits": (post(CHUNKED, body=b"1" + b"0" * 15 + b"2\r\n{}\r\n0\r\n\r\n") + LAST, [400], []),
    "no line end behind a chunk": (post(CHUNKED, body=b"2\r\n{}0\r\n\r\n") + LAST, [400], []),
    "the last chunk twice": (post(CHUNKED, body=JSON + b"\r\n0\r\n\r\n") + LAST, [200, 400], [LOGIN]),
    "a length of nothing": (post("Content-Length: ", body=b"{}") + LAST, [400], []),
    "a length in hexadecimal": (post("Content-Length: 0x2", body=b"{}") + LAST, [400], []),
    "a list of lengths": (post("Content-Length: 2, 3", body=b"{}") + LAST, [400], []),
    "equal lengths": (post("Content-Length: 2", "Content-Length: 2", body=b"{}") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "a body of GET": (post("Content-Length: 2", body=b"{}", method="GET", target="/products") + LAST, [200, 200], [("/products", b"{}"), PRODUCTS]),
    "blanks behind values": (post("Content-Length: 2 \t", "X: a\t \t", body=b"{}") + LAST, [200, 200], [LOGIN, PRODUCTS]),
    "bare line feeds": (FIRST.replace(b"\r\n", b"\n") + LAST, [200, 200], [PRODUCTS, PRODUCTS]),
    "bare carriage returns": (FIRST.replace(b"\r\n", b"\r") + LAST, [400], []),
    "a NUL in a name": (head(HOST, "X\0A: b") + LAST, [400], []),
    "a folded first line": (head(" " + HOST) + LAST, [400], []),
    "two Hosts": (head(HOST, "Host: evil") + LAST, [400, 200], [PRODUCTS]),
    "absolute form of another host": (head(HOST, target="http://evil/products") + LAST, [200, 200], [PRODUCTS, PRODUCTS]),
    "empty lines first": (b"\r\n\r\n" + LAST, [200], [PRODUCTS]),
    "a fault between requests": (FIRST + b"\0\r\n\r\n" + LAST, [200, 400], [PRODUCTS]),
    "HTTP/1.0 and another": (head(version="HTTP/1.0") + LAST, [200], [PRODUCTS]),
    "close and another": (head(HOST, "Connection: close") + LAST, [200], [PRODUCTS]),
    "the preface of HTTP/2 later": (FIRST + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [200], [PRODUCTS]),
}  # fmt: skip


@pytest.mark.parametrize("row", list(ROWS))
def test_service_gets_what_is_whole_and_allowed(gateway, upstream, row):
    sent, statuses, reached = ROWS[row]
    line = gateway.connect()
    with contextlib.suppress(ConnectionError):  # closed before all of it was sent
        line.send(sent)

    assert [each.status for each in iter(line.response, None)] == statuses
    assert [(request.target, request.body) for request in upstream.seen] == reached
    assert len(upstream.begun) == len(reached)
    for request in upstream.seen:
        assert request.values("x-forwarded-for") == ["127.0.0.1"]
        assert request.values("authorization") == []  # of a trailer
        assert request.values("x") in ([], ["a"])  # without blanks


BOTH = b"POST /login HTTP/1.1\r\nHost: a\r\n%b\r\n%b\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /products HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("length_first", [True, False])
def test_length_and_chunks_end_connection(gateway, upstream, length_first):
    """RFC 9112 section 6.3: chunks count, and what follows is no request."""
    lines = (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    line = gateway.connect()
    line.send(BOTH % (lines if length_first else lines[::-1]))

    assert line.response().status == 200
    assert line.ended()
    assert [(request.target, request.body) for request in upstream.seen] == [("/login", b"{}")]


def test_body_at_limit_is_passed_on(gateway, upstream):
    response = gateway.request("POST", "/oauth/token", body=b"a" * 65536)

    assert response.status == 200
    assert upstream.seen[0].body == b"a" * 65536


def test_http_1_0_request_closes_connection(gateway, upstream):
    line = gateway.connect()
    line.send(head(version="HTTP/1.0"))

    assert line.response().status == 200
    assert line.ended()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
def test_upgrade_is_not_accepted(gateway, upstream, upgrade):
    line = gateway.connect()
    line.send(
        head(HOST, "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABk")
    )

    assert line.response().status == 200
    assert not upstream.seen[0].values("upgrade") + upstream.seen[0].values("http2-settings")


def test_expect_100_is_answered(gateway, upstream):
    line = gateway.connect()
    line.send(head(HOST, "Expect: 100-continue", "Content-Length: 2", method="POST", target="/login"))
    interim = line.head()
    line.send(b"{}")

    assert interim.status == 100
    assert line.response().status == 200
    assert upstream.seen[0].body == b"{}"
    assert not upstream.seen[0].values("expect")


def test_pipelined_requests_are_answered_in_order(gateway):
    line = gateway.connect()
    line.send(head(HOST) + head(HOST, target="/livez") + head(HOST, target="/nowhere"))

    assert [line.response().status for _ in range(3)] == [200, 200, 404]


def test_forged_headers_reach_no_service(gateway, upstream):
    forged = ["X-Forwarded-For: 6.6.6.6", "X_Forwarded_For: 6.6.6.6", "X.User.Id: root", "x-USER-id: root", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6",
              "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "Proxy: http://evil", "Connection: close, X-Secret", "X-Secret: 1", "TE: trailers"]  # fmt: skip
    gateway.request(
        "GET", "/products?a=%2e%2e&b", *forged, "X-Request-ID: mine", "Accept: text/x", "X-Empty:"
    )

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


def test_bearer_is_checked_and_passed_on(gateway, upstream, bearer):
    assert gateway.request("GET", "/orders", bearer()).status == 200
    assert gateway.request("GET", "/users/me", bearer("users-service")).status == 200
    assert gateway.request("GET", "/oauth/userinfo", bearer("auth-service")).status == 200
    assert gateway.request("GET", "/users/me", bearer("orders-service")).status == 401
    assert upstream.seen[0].values("authorization")[0].startswith("Bearer ey")


@pytest.mark.parametrize("credentials", ["Basic YTpi", "Bearer rubbish", "DPoP x"])
def test_public_route_passes_any_credentials(gateway, upstream, credentials):
    gateway.request("POST", "/oauth/token", f"Authorization: {credentials}", body=b"a=b")

    assert upstream.seen[0].values("authorization") == [credentials]


def test_own_routes_are_answered(gateway):
    docs = gateway.request("GET", "/docs")
    home = gateway.request("GET", "/")

    assert json.loads(gateway.request("GET", "/livez").body) == {"status": "alive"}
    assert json.loads(gateway.request("GET", "/readyz").body)["status"] == "ready"
    assert json.loads(gateway.request("GET", "/openapi.json").body)["openapi"].startswith("3.1")
    assert "default-src 'none'" in docs["content-security-policy"]
    assert (home.status, home["content-type"]) == (200, "text/html; charset=utf-8")
    assert gateway.request("HEAD", "/docs").status == 200


def test_token_missing_challenge(gateway):
    assert gateway.request("GET", "/orders")["www-authenticate"] == "Bearer"


def test_head_response_has_no_body(gateway):
    line = gateway.connect()
    line.send(head(HOST, method="HEAD") + head(HOST, method="HEAD", target="/nowhere") + head(HOST))

    assert line.response("HEAD").status == 200
    assert line.response("HEAD").status == 404
    assert line.response().status == 200
