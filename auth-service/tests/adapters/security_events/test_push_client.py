"""Push delivery (RFC 8935): what counts as accepted, refused or to be retried, and that no other host is contacted."""

import pytest
from auth_service.adapters.security_events.push_client import (
    CONNECT_SECONDS,
    MAX_RESPONSE_BYTES,
    TOTAL_SECONDS,
    HttpPushClient,
)
from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused
from auth_service.use_cases.security_events.push import LEASE_SECONDS
from testkit.upstream import Answer, FakeUpstream


@pytest.fixture
def receiver():
    with FakeUpstream(Answer(202, b"")) as upstream:
        yield upstream


@pytest.fixture
def push(receiver):
    pusher = HttpPushClient(at_once=2, deadline=1.0)
    return lambda authorization=None: pusher.push(f"{receiver.url}/events", authorization, "a.b.c")


def test_push_posts_security_event_token(receiver, push):
    push("Bearer x")

    (request,) = receiver.received
    assert (request.method, request.path, request.body) == ("POST", "/events", b"a.b.c")
    assert request.headers["Content-Type"] == "application/secevent+jwt"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Authorization"] == "Bearer x"


def test_push_without_secret_has_no_header(receiver, push):
    push()

    assert "Authorization" not in receiver.received[0].headers


def test_netrc_and_proxy_settings_are_ignored(receiver, push, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")

    push()

    assert "Authorization" not in receiver.received[0].headers


@pytest.mark.parametrize("code", ["invalid_request", "invalid_key", "authentication_failed", "invalid_state"])
def test_refusal_with_code_is_final(receiver, push, code):
    receiver.answers = [Answer(400, {"err": code, "description": "no"})]

    with pytest.raises(DeliveryRefused, match=rf"^{code}$"):
        push()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(204, b""),
        Answer(302, b"", {"Location": "/elsewhere"}),
        Answer(401, b""),
        Answer(404, b""),
        Answer(429, b""),
        Answer(500, b""),
        Answer(503, b""),
        Answer(400, b""),
        Answer(400, b"<html>"),
        Answer(400, []),
        Answer(400, {"err": 7}),
        Answer(400, {"err": "a\nforged line"}),
        Answer(400, {"error": "invalid_request"}),
        Answer(400, b"[" * 5000),
        Answer(400, {"err": "invalid_key", "description": "x" * MAX_RESPONSE_BYTES}),
    ],
    ids=lambda answer: f"{answer.status}-{str(answer.body)[:12]!r}",
)
def test_other_answer_is_retried(receiver, push, answer):
    receiver.answers = [answer]

    with pytest.raises(DeliveryDelayed):
        push()
    assert len(receiver.received) == 1


def test_missing_receiver_is_retried(receiver, push):
    receiver.close()

    with pytest.raises(DeliveryDelayed, match=r"^ConnectionError$"):
        push()


def test_silent_receiver_is_retried(receiver, push):
    receiver.gate.clear()

    with pytest.raises(DeliveryDelayed):
        push()


def test_push_ends_before_its_lease():
    assert CONNECT_SECONDS + TOTAL_SECONDS < LEASE_SECONDS
