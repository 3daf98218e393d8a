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
        upstream.url, name="mint", breaker=CircuitBreaker(threshold=1000), sleep=lambda _s: None
    )
    return TokenSource("/oauth/token", assertion, client, clock, cache_size=3)


def test_an_exchange_asks_as_rfc_8693_says(upstream, source):
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


def test_a_token_that_was_refused_is_asked_for_again_and_kept_instead(upstream, source):
    upstream.answers = [token("withdrawn"), token("newer")]
    refused = source.exchange("subject", "users-service", "profile:read")
    assert source.exchange("subject", "users-service", "profile:read", instead_of=refused) == "newer"
    assert source.exchange("subject", "users-service", "profile:read", instead_of=refused) == "newer"
    assert len(upstream.received) == 2


def test_a_token_that_was_refused_is_not_fallen_back_on(upstream, source):
    refused = source.exchange("subject", "users-service", "profile:read")
    upstream.answers = [Answer(503)]
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "users-service", "profile:read", instead_of=refused)


def test_a_service_may_speak_for_itself(upstream, source):
    assert source.client_credentials("users-service", "users:read") == "fresh"
    form = upstream.received[0].form()
    assert (form["grant_type"], form["audience"], form["scope"]) == (
        "client_credentials",
        "users-service",
        "users:read",
    )
    assert "subject_token" not in form


def test_the_assertion_proves_who_asks_and_pyjwt_agrees(assertion, clock):
    claims = jwt.decode(
        assertion.sign(clock()), make_rsa().public_key(), algorithms=["RS256"], audience="http://issuer",
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"], "verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["iss"] == claims["sub"] == "orders-service"
    assert claims["exp"] - claims["iat"] == 60
    assert claims["iat"] == clock()


def test_each_attempt_has_an_assertion_of_its_own(upstream, source):
    upstream.answers = [Answer(503), token()]
    source.exchange("subject", "users-service", "s")
    assert len({received.form()["client_assertion"] for received in upstream.received}) == 2


@pytest.mark.parametrize("content", [b"nonsense", pem(ed25519.Ed25519PrivateKey.generate())])
def test_a_key_that_is_no_rsa_key_is_a_fault_at_the_start(tmp_path, content):
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the library's words vary
        ClientAssertion("x", tmp_path / "key.pem", "http://issuer")


def test_a_token_is_kept_until_thirty_seconds_before_its_end(upstream, source, clock):
    source.exchange("subject", "users-service", "s")
    clock.advance(269)
    source.exchange("subject", "users-service", "s")
    assert len(upstream.received) == 1
    clock.advance(1)
    source.exchange("subject", "users-service", "s")
    assert len(upstream.received) == 2


def test_another_subject_audience_or_scope_is_another_token(upstream, source):
    for asked in (("a", "x", "s"), ("b", "x", "s"), ("a", "y", "s"), ("a", "x", "t")):
        source.exchange(*asked)
    assert len(upstream.received) == 4


def test_the_cache_is_bounded_and_forgets_what_was_not_used_for_longest(upstream, source):
    for subject in ("a", "b", "c"):
        source.exchange(subject, "x", "s")
    source.exchange("a", "x", "s")
    source.exchange("d", "x", "s")
    assert len(upstream.received) == 4
    source.exchange("a", "x", "s")
    assert len(upstream.received) == 4
    source.exchange("b", "x", "s")
    assert len(upstream.received) == 5


def test_while_the_mint_is_down_a_token_serves_to_its_very_end(upstream, source, clock):
    source.exchange("subject", "x", "s")
    upstream.answers = [Answer(503)]
    clock.advance(299)
    assert source.exchange("subject", "x", "s") == "fresh"
    clock.advance(1)
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_a_refusal_ends_the_use_of_an_old_token(upstream, source, clock):
    source.exchange("subject", "x", "s")
    upstream.answers = [Answer(400, {"error": "invalid_grant"})]
    clock.advance(280)
    with pytest.raises(ExchangeRefused):
        source.exchange("subject", "x", "s")


def test_threads_that_want_the_same_token_ask_once(upstream, source):
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


def test_threads_that_wait_share_the_error_and_the_next_call_asks_anew(upstream, source):
    upstream.answers = [Answer(400, {"error": "invalid_scope"})]
    for _ in range(2):
        with pytest.raises(ExchangeRefused):
            source.exchange("subject", "x", "s")
    assert len(upstream.received) == 2


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_scope", "invalid_target", "invalid_request", "invalid_client"]
)
def test_an_oauth_error_is_a_refusal(upstream, source, error):
    upstream.answers = [Answer(400, {"error": error, "error_description": "in words"})]
    logs.configure("INFO", "test")
    with capture_logs() as logged, pytest.raises(ExchangeRefused) as caught:
        source.exchange("subject", "x", "s")
    assert (caught.value.error, caught.value.description) == (error, "in words")
    assert "in words" not in str(caught.value)
    assert [(line["error"], line["description"]) for line in logged] == [(error, "in words")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_mint_in_trouble_is_unavailable_and_says_until_when(upstream, source, status):
    upstream.answers = [Answer(status, {"error": "x"}, {"Retry-After": "9"})]
    with pytest.raises(UpstreamUnavailable) as caught:
        source.exchange("subject", "x", "s")
    assert (caught.value.service, caught.value.retry_after) == ("mint", 9)


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
def test_an_answer_that_is_not_the_mints_is_no_token(upstream, source, answer):
    upstream.answers = [answer]
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_a_mint_that_is_gone_is_unavailable(upstream, source):
    upstream.close()
    with pytest.raises(UpstreamUnavailable):
        source.exchange("subject", "x", "s")


def test_no_secret_is_kept_in_the_cache_s_keys(source):
    source.exchange("subject-token-in-clear", "x", "s")
    assert "subject-token-in-clear" not in json.dumps(list(source._tokens))
