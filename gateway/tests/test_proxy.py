"""Sick services: one retry where it is allowed, a breaker, and honest answers."""

import json
import threading

import pytest
from gateway.app import create_door
from testkit.cluster import free_ports
from testkit.proxy import FaultyProxy


@pytest.fixture
def proxied(another_upstream, settings, start):
    """A gateway whose services are behind a faulty line."""
    line = FaultyProxy(("127.0.0.1", another_upstream.port))
    with line, start(create_door(settings(line.url, rate_limits=False))[0]) as running:
        yield line, another_upstream, running


def test_a_dead_service_is_503_with_the_time_to_wait(settings, start):
    (port,) = free_ports(1)
    with start(create_door(settings(f"http://127.0.0.1:{port}"))[0]) as gateway:
        answer = gateway.ask("GET", "/products")
        document = gateway.ask("GET", "/openapi.json")

    assert answer.status == 503
    assert answer.problem() == "upstream_unavailable"
    assert int(answer["retry-after"]) >= 1
    assert document.status == 200


def test_a_service_that_keeps_failing_is_left_alone_and_asked_again_later(proxied):
    line, upstream, gateway = proxied
    line.mode = "refuse"
    failed = [gateway.ask("GET", "/products") for _ in range(5)]
    line.mode = "pass"

    open_ = gateway.ask("GET", "/products")

    assert {a.status for a in failed} == {503}
    assert open_.status == 503
    assert upstream.seen == []
    assert int(open_["retry-after"]) >= 1


@pytest.mark.parametrize("mode", ["reset", "garbage", "truncate"])
def test_a_service_that_speaks_nonsense_is_502(proxied, mode):
    line, _, gateway = proxied
    line.mode, line.limit = mode, 20

    answer = gateway.ask("GET", "/products")

    assert (answer.status, answer.problem()) == (502, "bad_gateway")


def dying(times):
    left = [times]

    def answer(_request, connection):
        if left[0]:
            left[0] -= 1
            connection.shutdown(2)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    return answer


def test_a_get_that_died_before_a_byte_came_is_repeated_once(another_upstream, settings, start):
    with start(create_door(settings(another_upstream.url))[0]) as gateway:
        another_upstream.answer = dying(1)
        once = gateway.ask("GET", "/products").status
        another_upstream.seen.clear()
        another_upstream.answer = dying(9)
        again = gateway.ask("GET", "/products").status

    assert (once, again) == (200, 502)
    assert len(another_upstream.seen) == 2


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_post_is_never_repeated_not_even_on_an_old_connection(
    another_upstream, settings, start, body, bearer
):
    with start(create_door(settings(another_upstream.url))[0]) as gateway:
        gateway.ask("GET", "/products")
        another_upstream.seen.clear()
        another_upstream.answer = dying(9)
        answer = gateway.ask("POST", "/orders", bearer(), body=body)

    assert answer.status == 502
    assert len(another_upstream.seen) == 1


def test_a_get_that_had_begun_to_answer_is_not_repeated(another_upstream, settings, start):
    def begin(_request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
        connection.shutdown(2)

    another_upstream.answer = begin
    with start(create_door(settings(another_upstream.url))[0]) as gateway:
        assert gateway.ask("GET", "/products").status == 502

    assert len(another_upstream.seen) == 1


def test_a_service_that_takes_too_long_is_504_and_the_others_go_on(another_upstream, settings, start):
    release = threading.Event()

    def late(request, connection):
        release.wait(20)

    another_upstream.answer = late
    with start(create_door(settings(another_upstream.url))[0]) as gateway:
        line = gateway.line()
        line.send(b"GET /products HTTP/1.1\r\nHost: a\r\n\r\n")
        meanwhile = gateway.ask("GET", "/livez").status
        answer = line.answer()
        release.set()

    assert meanwhile == 200
    assert (answer.status, answer.problem()) == (504, "upstream_timeout")


def test_half_as_many_as_the_mint_holds_may_wait_for_a_document_and_the_others_are_answered_at_once(
    another_upstream, settings, start
):
    waiting, release = threading.Semaphore(0), threading.Event()

    def hold(request, connection):
        if request.values("prefer"):
            waiting.release()
            release.wait(20)
        another_upstream.say(connection, json.dumps(request.values("prefer")).encode())

    another_upstream.answer = hold
    with start(create_door(settings(another_upstream.url, waiting_requests=9))[0]) as gateway:
        lines = [gateway.line() for _ in range(4)]
        for line in lines:
            line.send(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nPrefer: wait=25\r\n\r\n")
        held = [waiting.acquire(timeout=10) for _ in lines]
        one_more = gateway.ask("GET", "/.well-known/jwks.json", "Prefer: wait=25")
        elsewhere = gateway.ask("GET", "/products", "Prefer: wait=25")
        release.set()
        answers = [line.answer().body for line in lines]

    assert all(held)
    assert (one_more.body, elsewhere.body) == (b"[]", b"[]")
    assert answers == [b'["wait=25"]'] * 4


def test_past_the_rate_of_a_client_the_answer_is_429(another_upstream, settings, start):
    with start(create_door(settings(another_upstream.url, rate_limit_client="2/minute"))[0]) as gateway:
        answers = [gateway.ask("GET", "/products") for _ in range(3)]

    assert [a.status for a in answers] == [200, 200, 429]
    assert answers[2].problem() == "too_many_requests"
    assert 1 <= int(answers[2]["retry-after"]) <= 61


def test_log_in_has_rates_of_its_own_by_address_and_by_account(another_upstream, settings, start):
    rates = {"rate_limit_login": "4/minute", "rate_limit_account": "2/minute"}
    with start(create_door(settings(another_upstream.url, **rates))[0]) as gateway:
        alice = [
            gateway.ask("POST", "/login", body=b'{"email": "alice@example.com"}').status for _ in range(3)
        ]
        bob = [gateway.ask("POST", "/login", body=b'{"email": "bob@example.com"}').status for _ in range(2)]
        products = gateway.ask("GET", "/products").status

    assert alice == [200, 200, 429]
    assert bob == [200, 429]
    assert products == 200


FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"


def test_pages_that_are_looked_at_are_no_log_ins(another_upstream, settings, start):
    with start(create_door(settings(another_upstream.url, rate_limit_login="2/minute"))[0]) as gateway:
        looked = [gateway.ask("GET", "/oauth/authorize").status for _ in range(4)]
        sent = [gateway.ask("POST", "/oauth/authorize", FORM, body=b"a=b").status for _ in range(3)]
        after = gateway.ask("GET", "/oauth/authorize").status

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
def test_past_the_rate_people_get_a_page(another_upstream, settings, start, path, headers, page):
    with start(create_door(settings(another_upstream.url, rate_limit_login="1/minute"))[0]) as gateway:
        gateway.ask("POST", path, *headers, body=b"{}")
        answer = gateway.ask("POST", path, *headers, body=b"{}")

    seconds = int(answer["retry-after"])
    assert answer.status == 429
    assert 1 <= seconds <= 61
    if page:
        assert answer["content-type"] == "text/html; charset=utf-8"
        assert f"Please try again in {seconds} second" in answer.body.decode()
        assert answer["content-security-policy"].startswith("default-src 'none'")
    else:
        assert answer.problem() == "too_many_requests"


def test_a_page_says_that_a_service_is_away(settings, start):
    (port,) = free_ports(1)
    with start(create_door(settings(f"http://127.0.0.1:{port}"))[0]) as gateway:
        answer = gateway.ask("GET", "/oauth/device", BROWSER)

    assert (answer.status, answer["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Please try again in" in answer.body.decode()


def test_without_keys_a_token_is_neither_good_nor_bad(another_upstream, settings, start, bearer):
    (port,) = free_ports(1)
    with start(
        create_door(settings(another_upstream.url, issuer_backchannel=f"http://127.0.0.1:{port}"))[0]
    ) as gateway:
        answer, ready = gateway.ask("GET", "/orders", bearer()), gateway.ask("GET", "/readyz")

    assert (answer.status, answer.problem()) == (503, "keys_unavailable")
    assert answer["retry-after"]
    assert (ready.status, list(json.loads(ready.body)["reasons"])) == (503, ["issuer"])
