import json
import threading

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.http_client.circuit_breaker import CircuitBreaker
from service_kit.http_client.oauth_client import ClientAssertion, TokenSource
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability import logs
from structlog.testing import capture_logs
from testkit.clock import FakeClock
from testkit.keys import make_rsa
from testkit.upstream import Answer


def token(value: str = "fresh", life: object = 300) -> Answer:
    return Answer(200, {"access_token": value, "token_type": "Bearer", "expires_in": life})


def pem(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def assertion(tmp_path):
    (tmp_path / "key.pem").write_bytes(pem(make_rsa()))
    return ClientAssertion("orders-service", tmp_path / "key.pem", "http://issuer")


@pytest.fixture
def source(upstream, assertion, clock):
    upstream.answers = [token()]
    client = ServiceClient(
        upstream.url, name="auth-service", breaker=CircuitBreaker(threshold=1000), sleep=lambda _s: None
    )
    return TokenSource("/oauth/token", assertion, client, clock, cache_size=3)


def test_exchange_request_follows_rfc_8693(upstream, source):
    assert source.exchange("subject", "users-service", "profile:read") == "fresh"
    form = upstream.received[0].form()
    form.pop("client_assertion")
    assert (upstream.received[0].method, upstream.received[0].path) == ("POST", "/oauth/token")
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "subject",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "users-service",
        "scope": "profile:read",
        "client_id": "orders-service",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


def test_refused_token_is_replaced_in_cache(upstream, source):
    upstream.answers = [token("withdrawn"), token("newer")]
    refused = source.exchange("subject", "users-service", "profile:read")
    assert source.exchange("subject", "users-service", "profile:read", instead_of=refused) == "newer"
    assert source.exchange("subject", "users-service", "profile:read", instead_of=refused) == "newer"
    assert len(upstream.received) == 2


def test_refused_token_is_no_fallback(upstream, source):
    refused = source.exchange("subject", "users-service", "profile:read")
    upstream.answers = [Answer(503)]
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "users-service", "profile:read", instead_of=refused)


def test_client_credentials_request(upstream, source):
    assert source.client_credentials("users-service", "users:read") == "fresh"
    form = upstream.received[0].form()
    assert (form["grant_type"], form["audience"], form["scope"]) == (
        "client_credentials",
        "users-service",
        "users:read",
    )
    assert "subject_token" not in form


def test_assertion_is_verified_by_pyjwt(assertion, clock):
    claims = jwt.decode(
        assertion.sign(clock()), make_rsa().public_key(), algorithms=["RS256"], audience="http://issuer",
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"], "verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["iss"] == claims["sub"] == "orders-service"
    assert claims["exp"] - claims["iat"] == 60
    assert claims["iat"] == clock()


def test_each_attempt_has_new_assertion(upstream, source):
    upstream.answers = [Answer(503), token()]
    source.exchange("subject", "users-service", "s")
    assert len({received.form()["client_assertion"] for received in upstream.received}) == 2


@pytest.mark.parametrize("content", [b"nonsense", pem(ed25519.Ed25519PrivateKey.generate())])
def test_key_of_other_type_is_refused(tmp_path, content):
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the library's words vary
        ClientAssertion("x", tmp_path / "key.pem", "http://issuer")


def test_token_is_cached_until_30_s_before_expiry(upstream, source, clock):
    source.exchange("subject", "users-service", "s")
    clock.advance(269)
    source.exchange("subject", "users-service", "s")
    assert len(upstream.received) == 1
    clock.advance(1)
    source.exchange("subject", "users-service", "s")
    assert len(upstream.received) == 2


def test_cache_key_is_subject_audience_and_scope(upstream, source):
    for asked in (("a", "x", "s"), ("b", "x", "s"), ("a", "y", "s"), ("a", "x", "t")):
        source.exchange(*asked)
    assert len(upstream.received) == 4


def test_cache_drops_least_recently_used(upstream, source):
    for subject in ("a", "b", "c"):
        source.exchange(subject, "x", "s")
    source.exchange("a", "x", "s")
    source.exchange("d", "x", "s")
    assert len(upstream.received) == 4
    source.exchange("a", "x", "s")
    assert len(upstream.received) == 4
    source.exchange("b", "x", "s")
    assert len(upstream.received) == 5


def test_outage_uses_cached_token_until_expiry(upstream, source, clock):
    source.exchange("subject", "x", "s")
    upstream.answers = [Answer(503)]
    clock.advance(299)
    assert source.exchange("subject", "x", "s") == "fresh"
    clock.advance(1)
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_refused_exchange_uses_no_cached_token(upstream, source, clock):
    source.exchange("subject", "x", "s")
    upstream.answers = [Answer(400, {"error": "invalid_grant"})]
    clock.advance(280)
    with pytest.raises(ExchangeRefused):
        source.exchange("subject", "x", "s")


def test_concurrent_threads_share_request(upstream, source):
    upstream.gate.clear()
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(source.exchange("subject", "x", "s"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    upstream.gate.set()
    for thread in threads:
        thread.join()
    assert got == ["fresh"] * 8
    assert len(upstream.received) == 1


def test_next_call_repeats_failed_request(upstream, source):
    upstream.answers = [Answer(400, {"error": "invalid_scope"})]
    for _ in range(2):
        with pytest.raises(ExchangeRefused):
            source.exchange("subject", "x", "s")
    assert len(upstream.received) == 2


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_scope", "invalid_target", "invalid_request", "invalid_client"]
)
def test_oauth_error_is_exchange_refused(upstream, source, error):
    upstream.answers = [Answer(400, {"error": error, "error_description": "in words"})]
    logs.configure("INFO", "test")
    with capture_logs() as logged, pytest.raises(ExchangeRefused) as caught:
        source.exchange("subject", "x", "s")
    assert (caught.value.error, caught.value.description) == (error, "in words")
    assert "in words" not in str(caught.value)
    assert [(line["error"], line["description"]) for line in logged] == [(error, "in words")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_unavailable_auth_service_has_retry_after(upstream, source, status):
    upstream.answers = [Answer(status, {"error": "x"}, {"Retry-After": "9"})]
    with pytest.raises(UpstreamUnavailable) as caught:
        source.exchange("subject", "x", "s")
    assert (caught.value.service, caught.value.retry_after) == ("auth-service", 9)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        Answer(200, b'{"access_token": "a", "access_token": "b", "expires_in": 1}'),
        Answer(200, []),
        Answer(200, {"expires_in": 300}),
        token(""),
        token(life="300"),
        token(life=0),
        token(life=-1),
        Answer(200, b'{"access_token": "a", "expires_in": NaN}'),
        Answer(400, {"no": "error"}),
        Answer(302, b"", {"Location": "http://127.0.0.1:1/"}),
        Answer(200, b"[" * 100_000),
    ],
)
def test_malformed_token_response_is_unavailable(upstream, source, answer):
    upstream.answers = [answer]
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_unreachable_auth_service_is_unavailable(upstream, source):
    upstream.close()
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_cache_keys_hold_no_token(source):
    source.exchange("subject-token-in-clear", "x", "s")
    assert "subject-token-in-clear" not in json.dumps(list(source._tokens))
