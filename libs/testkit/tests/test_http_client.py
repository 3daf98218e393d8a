import time

import pytest
from testkit.concurrency import wait_for
from testkit.http_client import HttpClient, RawClient
from testkit.token_signer import TokenSigner, claims_of
from testkit.upstream import Answer, FakeUpstream
from testkit.user import User


@pytest.fixture
def upstream():
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream):
    client = HttpClient(upstream.url)
    yield client
    client.close()


def token_answer(**claims):
    return Answer(200, {"access_token": TokenSigner().sign(TokenSigner().claims(**claims))})


def test_client_sends_token_and_ignores_environment(client, upstream, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    client("GET", "/x", token="abc", headers={"X-Y": "z"})
    client("GET", "/x")

    first, second = upstream.received
    assert (first.headers["Authorization"], first.headers["X-Y"]) == ("Bearer abc", "z")
    assert "Authorization" not in second.headers


def test_client_does_not_follow_redirects(client, upstream):
    upstream.answers = [Answer(302, {}, {"Location": "/elsewhere"})]

    assert client("GET", "/").status_code == 302


def test_raw_client_sends_lines_unchanged(upstream):
    raw_client = RawClient(upstream.url)

    answers = [raw_client("POST", "/x", ("x-a", "1"), ("X-A", b"\xe4"), body=b"12") for _ in range(2)]
    raw_client.close()

    assert [a.status for a in answers] == [200, 200]
    assert upstream.received[0].body == b"12"


def test_raw_client_reconnects_after_close(upstream):
    upstream.answers = [Answer(200, {}, {"Connection": "close"})]
    raw_client = RawClient(upstream.url)

    assert [raw_client("GET", "/x").status for _ in range(3)] == [200, 200, 200]

    raw_client.close()


def test_raw_client_refused_raises(upstream):
    upstream.close()

    with pytest.raises(ConnectionError):
        RawClient(upstream.url)("GET", "/")


def test_user_logs_in_again_before_token_expires(client, upstream):
    now = int(time.time())
    upstream.answers = [token_answer(exp=now + 60), token_answer(exp=now + 300, sub="me")]
    user = User(client, "a@example.com", "secret")

    first, second, third = user.token, user.token, user.token

    assert first != second == third
    assert user.sub == "me"
    assert len(upstream.received) == 2


def test_failed_log_in_raises(client, upstream):
    upstream.answers = [Answer(401)]

    with pytest.raises(AssertionError):
        User(client, "a@example.com", "secret").log_in(scope="x")


def test_claims_of_does_not_verify():
    assert claims_of(TokenSigner().sign({"sub": "me"}))["sub"] == "me"


def test_wait_for_returns_first_true_result():
    answers = iter([None, 0, "", "so"])

    assert wait_for(lambda: next(answers)) == "so"


def test_wait_for_times_out():
    with pytest.raises(AssertionError, match="rain did not happen"):
        wait_for(lambda: False, 0.01, "rain")
