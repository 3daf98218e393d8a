import gzip
import json
import threading

import pytest
import requests
from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.circuit_breaker import CircuitBreaker
from service_kit.http_client.service_client import MAX_RESPONSE_BYTES, ServiceClient, retry_after
from service_kit.observability import request_id
from testkit.clock import FakeClock
from testkit.proxy import FaultyProxy
from testkit.upstream import Answer, FakeUpstream

FAILING = Answer(503, {"no": "luck"})


@pytest.fixture
def clock():
    return FakeClock(1000)


@pytest.fixture
def make_client(clock):
    """Make a client that waits as long as a busy machine takes, unless a test is about that."""

    def make(url, timeout=10, deadline=30):
        breaker = CircuitBreaker(now=clock)
        return ServiceClient(
            url,
            name="upstream",
            timeout=(10, timeout),
            deadline=deadline,
            breaker=breaker,
            sleep=lambda _s: None,
        )

    return make


@pytest.fixture
def client(upstream, make_client):
    return make_client(upstream.url)


@pytest.fixture
def proxy(upstream):
    with FaultyProxy(("127.0.0.1", upstream.port), delay=0.05) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy, make_client):
    return proxy, make_client(proxy.url)


def test_call_sends_token_body_and_headers(upstream, client):
    answer = client.post("/x", token="t", json={"a": 1}, params={"q": "1"}, headers={"X-Own": "yes"})
    (received,) = upstream.received
    assert (answer.status_code, answer.json()) == (200, {})
    assert (received.method, received.path, json.loads(received.body)) == ("POST", "/x?q=1", {"a": 1})
    assert (received.headers["Authorization"], received.headers["X-Own"]) == ("Bearer t", "yes")


def test_call_sends_request_id_and_trace(app, upstream, client):
    app.add_url_rule("/onward", view_func=lambda: client.get("/x").json())
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    app.test_client().get("/onward", headers={"X-Request-ID": "the-id", "traceparent": trace})
    headers = upstream.received[0].headers
    assert headers["X-Request-ID"] == "the-id"
    assert headers["traceparent"].startswith("00-" + "a" * 32)
    assert headers["traceparent"] != trace


def test_call_outside_request_has_new_request_id(upstream, client):
    client.get("/x")
    headers = upstream.received[0].headers
    assert request_id.accepted(headers["X-Request-ID"]) == headers["X-Request-ID"]
    assert request_id.parse_traceparent(headers["traceparent"])


def test_cookies_are_not_kept(upstream, client):
    upstream.answers = [Answer(200, {}, {"Set-Cookie": "session=of-ada; Path=/"})]
    client.get("/x")
    client.get("/x")
    assert "Cookie" not in upstream.received[1].headers


@pytest.mark.parametrize("status", [200, 204, 302, 304, 400, 401, 404, 429, 500])
def test_response_of_any_status_is_returned(upstream, client, status):
    upstream.answers = [Answer(status, b"", {"Location": "/elsewhere"})]
    assert client.get("/x").status_code == status
    assert len(upstream.received) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_idempotent_call_is_retried(upstream, client, status):
    upstream.answers = [Answer(status), Answer(200, {"second": True})]
    assert client.get("/x").json() == {"second": True}
    spans = {received.headers["traceparent"] for received in upstream.received}
    assert len(spans) == 2


def test_call_is_retried_once_only(upstream, client):
    upstream.answers = [FAILING]
    with pytest.raises(UpstreamUnavailable) as caught:
        client.get("/x")
    assert (caught.value.service, caught.value.retry_after) == ("upstream", 1)
    assert len(upstream.received) == 2


def test_other_call_is_not_retried(upstream, client):
    upstream.answers = [FAILING]
    with pytest.raises(UpstreamUnavailable):
        client.post("/x")
    with pytest.raises(UpstreamUnavailable):
        client.request("PATCH", "/x")
    assert len(upstream.received) == 2


def test_idempotent_argument_overrides_method(upstream, client):
    upstream.answers = [FAILING, Answer(200)]
    assert client.post("/x", idempotent=True).status_code == 200
    upstream.answers = [FAILING]
    with pytest.raises(UpstreamUnavailable):
        client.get("/x", idempotent=False)
    assert len(upstream.received) == 3


def test_retry_after_prevents_retry(upstream, client):
    upstream.answers = [Answer(503, headers={"Retry-After": "7"})]
    with pytest.raises(UpstreamUnavailable) as caught:
        client.get("/x")
    assert caught.value.retry_after == 7
    assert len(upstream.received) == 1


def test_form_function_is_called_for_each_attempt(upstream, client):
    upstream.answers = [FAILING, Answer(200)]
    numbers = iter(["1", "2"])
    client.post("/x", form=lambda: {"n": next(numbers)}, idempotent=True)
    assert [received.form() for received in upstream.received] == [{"n": "1"}, {"n": "2"}]


def test_refused_connection_is_retried(proxied):
    proxy, client = proxied
    proxy.mode = "refuse"
    with pytest.raises(UpstreamUnavailable):
        client.get("/x")


@pytest.mark.parametrize("mode", ["reset", "garbage", "truncate"])
def test_incomplete_response_is_unavailable(proxied, mode):
    proxy, client = proxied
    proxy.mode = mode
    with pytest.raises(UpstreamUnavailable):
        client.get("/x")
    assert proxy.connections == 2


@pytest.mark.parametrize("mode", ["blackhole", "trickle"])
def test_slow_response_is_unavailable(proxy, make_client, mode):
    proxy.mode = mode
    with pytest.raises(UpstreamUnavailable):
        make_client(proxy.url, timeout=0.3, deadline=0.6).get("/x")
    assert proxy.connections == 1


def test_truncated_response_is_unavailable(upstream, proxied):
    proxy, client = proxied
    upstream.answers = [Answer(200, b"x" * 5000)]
    proxy.mode, proxy.limit = "truncate", 3000
    with pytest.raises(UpstreamUnavailable):
        client.get("/x")


def test_broken_connection_is_replaced(upstream, proxied):
    proxy, client = proxied
    client.get("/x")
    proxy.drop()
    assert client.get("/x").status_code == 200


@pytest.mark.parametrize(
    "body", [b"x" * (MAX_RESPONSE_BYTES + 1), gzip.compress(b"0" * (MAX_RESPONSE_BYTES + 1))]
)
def test_response_above_1_mib_is_unavailable(upstream, client, body):
    encoding = {"Content-Encoding": "gzip"} if len(body) < MAX_RESPONSE_BYTES else {}
    upstream.answers = [Answer(200, body, encoding)]
    with pytest.raises(UpstreamUnavailable):
        client.get("/x")


def test_compressed_response_is_read(upstream, client):
    upstream.answers = [Answer(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})]
    assert client.get("/x").json() == {"a": 1}


def test_head_has_no_body(upstream, client):
    upstream.answers = [Answer(200, b"xyz")]
    assert client.request("HEAD", "/x").content == b""


def test_failing_service_opens_breaker(upstream, client, clock):
    upstream.answers = [FAILING]
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            client.post("/x")
    with pytest.raises(UpstreamUnavailable):
        client.post("/x")
    assert len(upstream.received) == 5
    upstream.answers = [Answer(200)]
    clock.advance(2)
    assert client.post("/x").status_code == 200
    assert client.breaker.state == "closed"


def test_unexpected_error_counts_as_failure(client):
    def no_form():
        raise KeyboardInterrupt

    class Interrupted(requests.Session):
        def request(self, *_args, **_kwargs):
            raise KeyboardInterrupt

    broken = ServiceClient("http://127.0.0.1:1", session=Interrupted(), breaker=CircuitBreaker(threshold=1))
    with pytest.raises(KeyboardInterrupt):
        broken.get("/x")
    assert broken.breaker.state == "open"


def test_threads_do_not_share_connections(client):
    sessions = []
    threads = [threading.Thread(target=lambda: sessions.append(client._thread_session())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in sessions}) == 3
    assert client._thread_session() is client._thread_session()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5),
        ("0", 1),
        ("9999", 60),
        ("", 1),
        ("-1", 1),
        ("x", 1),
        ("9" * 30, 1),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1),
    ],
)
def test_retry_after_is_bounded(value, seconds):
    answer = requests.Response()
    answer.headers["Retry-After"] = value
    assert retry_after(answer) == seconds


def test_name_defaults_to_address():
    with FakeUpstream() as upstream:
        assert ServiceClient(upstream.url + "/").name == f"127.0.0.1:{upstream.port}"
