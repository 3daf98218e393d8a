import socket
import threading

import pytest
import requests
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.proxy import FaultyProxy
from testkit.token_signer import TokenSigner
from testkit.upstream import Answer, FakeUpstream


@pytest.fixture
def issuer():
    with FakeIssuer(TokenSigner().jwks()) as issuer:
        yield issuer


def get(issuer, path=JWKS_PATH, **headers):
    return requests.get(issuer.url + path, headers=headers, timeout=10)


def test_issuer_serves_keys_and_counts_requests(issuer):
    answer = get(issuer)
    assert answer.json() == TokenSigner().jwks()
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert issuer.requests == {JWKS_PATH: 1}
    assert [path for path, _ in issuer.seen] == [JWKS_PATH]


def test_issuer_answers_304_to_known_tag(issuer):
    tag = get(issuer).headers["ETag"]
    again = get(issuer, **{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)


def test_issuer_sends_changed_document(issuer):
    tag = get(issuer).headers["ETag"]
    issuer.publish(JWKS_PATH, {"keys": []})
    assert get(issuer, **{"If-None-Match": tag}).json() == {"keys": []}


def test_issuer_document_can_be_changed(issuer):
    issuer.jwks.status, issuer.jwks.body, issuer.jwks.headers = 500, b"<html>", {"X-Odd": "1"}
    issuer.jwks.delay = 0.001
    answer = get(issuer)
    assert (answer.status_code, answer.text, answer.headers["X-Odd"]) == (500, "<html>", "1")


def test_changed_document_ends_wait_and_can_be_restored():
    with FakeIssuer({"keys": []}, long_poll=True) as issuer:
        tag = get(issuer).headers["ETag"]
        good = issuer.change(JWKS_PATH, status=500)
        changed = get(issuer, **{"If-None-Match": tag, "Prefer": "wait=30"})
        issuer.restore(JWKS_PATH, good)
        assert (changed.status_code, get(issuer).json()) == (500, {"keys": []})


def test_issuer_sends_body_bytewise(issuer):
    issuer.change(JWKS_PATH, body=b"abc", pace=0.05)
    got = requests.get(issuer.url + JWKS_PATH, stream=True, timeout=10)
    assert [got.raw.read1(10) for _ in range(3)] == [b"a", b"b", b"c"]


def test_unpublished_path_is_404(issuer):
    assert get(issuer, "/x").status_code == 404
    issuer.publish("/x", "text", "text/plain")
    issuer.publish("/y", b"bytes")
    assert (get(issuer, "/x").text, get(issuer, "/y").content) == ("text", b"bytes")


def test_long_poll_ends_with_change():
    with FakeIssuer({"keys": []}, long_poll=True) as issuer:
        headers = {"If-None-Match": get(issuer).headers["ETag"], "Prefer": "wait=30"}
        got = []
        waiting = threading.Thread(target=lambda: got.append(get(issuer, **headers)))
        waiting.start()
        issuer.publish(JWKS_PATH, TokenSigner().jwks())
        waiting.join(10)
        assert got[0].json() == TokenSigner().jwks()


def test_long_poll_without_change_is_304():
    with FakeIssuer({"keys": []}, long_poll=True) as issuer:
        tag = get(issuer).headers["ETag"]
        assert get(issuer, **{"If-None-Match": tag, "Prefer": "wait=0"}).status_code == 304


def test_closed_issuer_refuses_connections():
    issuer = FakeIssuer()
    issuer.close()
    with pytest.raises(requests.ConnectionError):
        get(issuer)


@pytest.fixture
def upstream():
    with FakeUpstream(Answer(200, b"x" * 300)) as upstream:
        yield upstream


@pytest.fixture
def proxy(upstream):
    with FaultyProxy(("127.0.0.1", upstream.port), delay=0.01) as proxy:
        yield proxy


def test_upstream_answers_in_order_and_repeats_last():
    with FakeUpstream(Answer(503), Answer(200, {"a": 1})) as upstream:
        statuses = [requests.post(upstream.url, data={"n": "1"}, timeout=10).status_code for _ in range(3)]
    assert statuses == [503, 200, 200]
    assert upstream.received[0].form() == {"n": "1"}


@pytest.mark.parametrize("mode", ["pass", "delay", "trickle"])
def test_proxy_passes_whole_answer(proxy, mode):
    proxy.mode, proxy.delay = mode, 0.0001
    assert requests.get(proxy.url, timeout=10).content == b"x" * 300
    assert proxy.mode == mode


def test_proxy_refuse_can_be_undone(proxy):
    proxy.mode = "refuse"
    with pytest.raises(requests.ConnectionError):
        requests.get(proxy.url, timeout=10)
    proxy.mode = "pass"
    assert requests.get(proxy.url, timeout=10).status_code == 200


def test_proxy_blackhole_never_answers(proxy):
    proxy.mode = "blackhole"
    with pytest.raises(requests.ReadTimeout):
        requests.get(proxy.url, timeout=(10, 0.1))


@pytest.mark.parametrize("mode", ["reset", "garbage"])
def test_proxy_breaks_connection(proxy, mode):
    proxy.mode = mode
    with pytest.raises(requests.ConnectionError):
        requests.get(proxy.url, timeout=10)


def test_proxy_truncates_answer(proxy):
    proxy.mode, proxy.limit = "truncate", 250
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(proxy.url, timeout=10)


def test_proxy_drops_open_connections(proxy):
    proxy.mode, proxy.delay = "trickle", 1
    with socket.create_connection(("127.0.0.1", int(proxy.url.rsplit(":", 1)[1])), 10) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert one.recv(1)
        proxy.drop()
        with pytest.raises(ConnectionResetError):
            b"".join(iter(lambda: one.recv(65536), b""))
    assert proxy.connections == 1
