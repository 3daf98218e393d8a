"""Services that fail: the one retry, the breaker, long polls, rate limits and error pages."""

import json
import threading

import pytest
from testkit.cluster import free_ports
from testkit.proxy import FaultyProxy
from testkit.valkey import ValkeyServer


@pytest.fixture
def proxied(another_upstream, start):
    """A gateway whose services are behind a faulty line."""
    line = FaultyProxy(("127.0.0.1", another_upstream.port))
    with line, start(line.url, rate_limits=False) as running:
        yield line, another_upstream, running


def test_service_down_is_503_with_retry_after(start):
    (port,) = free_ports(1)
    with start(f"http://127.0.0.1:{port}") as gateway:
        response = gateway.request("GET", "/products")
        document = gateway.request("GET", "/openapi.json")

    assert response.status == 503
    assert response.problem() == "upstream_unavailable"
    assert int(response["retry-after"]) >= 1
    assert document.status == 200


def test_breaker_opens_after_failures(proxied):
    line, upstream, gateway = proxied
    line.mode = "refuse"
    failed = [gateway.request("GET", "/products") for _ in range(5)]
    line.mode = "pass"

    open_ = gateway.request("GET", "/products")

    assert {a.status for a in failed} == {503}
    assert open_.status == 503
    assert upstream.seen == []
    assert int(open_["retry-after"]) >= 1


@pytest.mark.parametrize("mode", ["reset", "garbage", "truncate"])
def test_invalid_response_is_502(proxied, mode):
    line, _, gateway = proxied
    line.mode, line.limit = mode, 20

    response = gateway.request("GET", "/products")

    assert (response.status, response.problem()) == (502, "bad_gateway")


def dying(times):
    left = [times]

    def respond(_request, connection):
        if left[0]:
            left[0] -= 1
            connection.shutdown(2)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    return respond


def test_get_without_response_is_retried_once(another_upstream, start):
    with start(another_upstream.url) as gateway:
        another_upstream.respond = dying(1)
        once = gateway.request("GET", "/products").status
        another_upstream.seen.clear()
        another_upstream.respond = dying(9)
        again = gateway.request("GET", "/products").status

    assert (once, again) == (200, 502)
    assert len(another_upstream.seen) == 2


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_post_is_never_retried(another_upstream, start, body, bearer):
    with start(another_upstream.url) as gateway:
        gateway.request("GET", "/products")
        another_upstream.seen.clear()
        another_upstream.respond = dying(9)
        response = gateway.request("POST", "/orders", bearer(), body=body)

    assert response.status == 502
    assert len(another_upstream.seen) == 1


def test_get_begun_is_not_retried(another_upstream, start):
    def begin(_request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
        connection.shutdown(2)

    another_upstream.respond = begin
    with start(another_upstream.url) as gateway:
        assert gateway.request("GET", "/products").status == 502

    assert len(another_upstream.seen) == 1


def test_slow_service_is_504(another_upstream, start):
    release = threading.Event()

    def late(request, connection):
        release.wait(20)

    another_upstream.respond = late
    with start(another_upstream.url) as gateway:
        line = gateway.connect()
        line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
        meanwhile = gateway.request("GET", "/livez").status
        response = line.response()
        release.set()

    assert meanwhile == 200
    assert (response.status, response.problem()) == (504, "upstream_timeout")


def test_long_polls_are_bounded(another_upstream, start):
    waiting, release = threading.Semaphore(0), threading.Event()

    def hold(request, connection):
        if request.values("prefer"):
            waiting.release()
            release.wait(20)
        another_upstream.say(connection, json.dumps(request.values("prefer")).encode())

    another_upstream.respond = hold
    with start(another_upstream.url, waiting_requests=9) as gateway:
        lines = [gateway.connect() for _ in range(4)]
        for line in lines:
            line.send(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nPrefer: wait=25\r\n\r\n")
        held = [waiting.acquire(timeout=10) for _ in lines]
        one_more = gateway.request("GET", "/.well-known/jwks.json", "Prefer: wait=25")
        elsewhere = gateway.request("GET", "/products", "Prefer: wait=25")
        release.set()
        responses = [line.response().body for line in lines]

    assert all(held)
    assert (one_more.body, elsewhere.body) == (b"[]", b"[]")
    assert responses == [b'["wait=25"]'] * 4


def test_client_over_limit_is_429(another_upstream, start):
    with start(another_upstream.url, rate_limit_client="2/minute") as gateway:
        responses = [gateway.request("GET", "/products") for _ in range(3)]

    assert [a.status for a in responses] == [200, 200, 429]
    assert [a["ratelimit-policy"] for a in responses] == ['"client";q=2;w=60'] * 3
    assert responses[0]["ratelimit"] == '"client";r=1;t=60'
    assert responses[2].problem() == "too_many_requests"
    assert responses[2]["ratelimit"].startswith('"client";r=0;t=')
    assert 1 <= int(responses[2]["retry-after"]) <= 61


def test_refused_request_shows_what_is_left(another_upstream, start):
    with start(another_upstream.url, rate_limit_client="9/minute") as gateway:
        answers = [gateway.request("GET", path) for path in ("/orders", "/livez", "/products")]

    assert [(a.status, a["ratelimit"][:12]) for a in answers] == [
        (401, '"client";r=8'),
        (200, '"client";r=7'),
        (200, '"client";r=6'),
    ]


def test_gateways_share_limits_in_valkey(another_upstream, start):
    with ValkeyServer() as valkey:
        shared = {"rate_limit_client": "3/minute", "valkey_url": valkey.url}
        with start(another_upstream.url, **shared) as one, start(another_upstream.url, **shared) as other:
            statuses = [each.request("GET", "/products").status for each in (one, other, one, other)]

    assert statuses == [200, 200, 200, 429]


def test_gateway_without_its_valkey_is_open(another_upstream, start):
    (port,) = free_ports(1)
    with start(another_upstream.url, valkey_url=f"valkey://127.0.0.1:{port}") as gateway:
        response = gateway.request("GET", "/products")

    assert (response.status, response["ratelimit"]) == (200, '"client";r=5999;t=60')


def test_login_limits_by_address_and_account(another_upstream, start):
    rates = {"rate_limit_login": "4/minute", "rate_limit_account": "2/minute"}
    with start(another_upstream.url, **rates) as gateway:
        alice = [
            gateway.request("POST", "/login", body=b'{"email": "alice@example.com"}').status for _ in range(3)
        ]
        bob = [
            gateway.request("POST", "/login", body=b'{"email": "bob@example.com"}').status for _ in range(2)
        ]
        products = gateway.request("GET", "/products").status

    assert alice == [200, 200, 429]
    assert bob == [200, 429]
    assert products == 200


FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"


def test_get_of_login_page_is_not_limited(another_upstream, start):
    with start(another_upstream.url, rate_limit_login="2/minute") as gateway:
        looked = [gateway.request("GET", "/oauth/authorize").status for _ in range(4)]
        sent = [gateway.request("POST", "/oauth/authorize", FORM, body=b"a=b").status for _ in range(3)]
        after = gateway.request("GET", "/oauth/authorize").status

    assert looked == [200] * 4
    assert sent == [200, 200, 429]
    assert after == 200


@pytest.mark.parametrize(
    ("path", "headers", "page"),
    [
        ("/oauth/authorize", [FORM, BROWSER], True),
        ("/oauth/authorize", [FORM], True),
        ("/oauth/device", [FORM, BROWSER], True),
        ("/password-resets/redeem", [FORM, BROWSER], True),
        ("/magic-links/redeem", [FORM, BROWSER], True),
        ("/account/verification/confirm", [FORM, BROWSER], True),
        ("/magic-links/redeem", [JSON], False),
        ("/magic-links/redeem", [JSON, BROWSER], False),
        ("/oauth/authorize", [FORM, "Accept: application/json"], False),
        ("/login", [JSON], False),
        ("/login", [JSON, BROWSER], False),
    ],
)
def test_rate_limit_page_or_problem(another_upstream, start, path, headers, page):
    with start(another_upstream.url, rate_limit_login="1/minute") as gateway:
        gateway.request("POST", path, *headers, body=b"{}")
        response = gateway.request("POST", path, *headers, body=b"{}")

    seconds = int(response["retry-after"])
    assert response.status == 429
    assert 1 <= seconds <= 61
    if page:
        assert response["content-type"] == "text/html; charset=utf-8"
        assert f"Please try again in {seconds} second" in response.body.decode()
        assert response["content-security-policy"].startswith("default-src 'none'")
    else:
        assert response.problem() == "too_many_requests"


def test_service_down_shows_error_page(start):
    (port,) = free_ports(1)
    with start(f"http://127.0.0.1:{port}") as gateway:
        response = gateway.request("GET", "/oauth/device", BROWSER)

    assert (response.status, response["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Please try again in" in response.body.decode()


def test_keys_missing_is_503(another_upstream, start, bearer):
    (port,) = free_ports(1)
    with start(another_upstream.url, issuer_backchannel=f"http://127.0.0.1:{port}") as gateway:
        response, ready = gateway.request("GET", "/orders", bearer()), gateway.request("GET", "/readyz")

    assert (response.status, response.problem()) == (503, "keys_unavailable")
    assert response["retry-after"]
    assert (ready.status, list(json.loads(ready.body)["reasons"])) == (503, ["issuer"])


@pytest.mark.parametrize(
    ("status", "slug"),
    [
        ("400 Bad Request", "bad_request"),
        ("431 Request Header Fields Too Large", "request_header_fields_too_large"),
        ("503 Service Unavailable", "service_unavailable"),
        ("499 Unknown", "error"),
    ],
)
def test_error_without_body_becomes_problem(gateway, upstream, status, slug):
    upstream.respond = lambda _r, c: upstream.say(c, b"", status)

    response = gateway.request("GET", "/products")

    assert (f"{response.status}", response.problem()) == (status[:3], slug)


def test_error_without_body_keeps_instructions(gateway, upstream):
    line = "WWW-Authenticate: Basic realm=x"
    upstream.respond = lambda _r, c: upstream.say(c, b"", "401 Unauthorized", line, "X-Else: y")

    response = gateway.request("GET", "/products")

    assert (response["www-authenticate"], response["x-else"]) == ("Basic realm=x", "")


def test_granian_500_becomes_problem(gateway, upstream):
    upstream.respond = lambda _r, c: upstream.say(
        c, b"Internal server error", "500 Internal Server Error", "Content-Type: text/plain; charset=utf-8"
    )

    assert gateway.request("GET", "/products").problem() == "internal_server_error"


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        (b'{"status": 404}', "404 Not Found", "Content-Type: application/problem+json"),
        (b"", "404 Not Found", "Content-Type: application/json"),
        (b"gone", "410 Gone", "Content-Type: text/plain"),
        (b"", "200 OK", "X-Other: yes"),
    ],
)
def test_other_response_passes_unchanged(gateway, upstream, body, status, line):
    upstream.respond = lambda _r, c: upstream.say(c, body, status, line)

    response = gateway.request("GET", "/products")

    assert (response.status, response.body) == (int(status[:3]), body)


def test_head_error_passes_unchanged(gateway, upstream):
    upstream.respond = lambda _r, c: upstream.say(c, b"", "404 Not Found")

    assert gateway.request("HEAD", "/products").status == 404
