import pytest
from testkit.http_client import RawClient
from testkit.upstream import Answer


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
