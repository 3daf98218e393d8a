"""What a receiver fetches for itself (RFC 8936)."""

import threading

import pytest
import requests
from testkit.concurrency import wait_for
from testkit.user import User


@pytest.fixture
def take(subscriber, poll_stream, reader):
    """`take(…)`: poll, check what came, and give the answer."""

    def poll(**body):
        answer = subscriber.poll(poll_stream, **body)
        for jti, token in answer["sets"].items():
            reader.take(token)
            assert reader.seen[jti]["jti"] == jti
        return answer

    return poll


def sid_of(reader, jti):
    return reader.seen[jti]["sub_id"]["session"]["id"]


def test_what_happened_is_fetched_and_comes_until_it_is_acknowledged(take, reader, log_out):
    sid = log_out()["sid"]

    (jti,) = take()["sets"]
    assert list(take()["sets"]) == [jti]
    assert sid_of(reader, jti) == sid
    assert take(ack=[jti])["sets"] == {}
    assert take()["sets"] == {}


def test_no_more_than_wanted_comes_the_oldest_first_and_more_is_announced(take, reader, log_out):
    sids = [log_out()["sid"] for _ in range(3)]

    first = take(maxEvents=2)
    second = take(maxEvents=2, ack=list(first["sets"]))

    assert first["moreAvailable"]
    assert not second["moreAvailable"]
    assert [sid_of(reader, jti) for jti in (*first["sets"], *second["sets"])] == sids


def test_an_acknowledgement_alone_takes_nothing_away(take, log_out):
    log_out()

    assert take(maxEvents=0) == {"sets": {}, "moreAvailable": False}
    assert len(take()["sets"]) == 1


def test_what_a_receiver_reports_as_wrong_is_given_up(auth_cluster, take, log_out):
    log_out()
    (jti,) = take()["sets"]

    answer = take(setErrs={jti: {"err": "invalid_audience", "description": "not mine"}})

    assert answer["sets"] == {}
    wait_for(lambda: "invalid_audience" in auth_cluster.log("auth-service"), what="a line in the log")


def test_nobody_else_polls_a_stream(auth_cluster, subscriber, poll_stream, alice_at, log_out):
    log_out()
    path = poll_stream["delivery"]["endpoint_url"].removeprefix(auth_cluster.issuer)

    assert subscriber.client_at("POST", path, token=alice_at, json={}).status_code == 403
    assert subscriber.client_at("POST", path, json={}).status_code == 401


@pytest.fixture
def alice_at(auth_cluster, auth_gateway):
    return User(auth_gateway, "alice@example.com", "correct-horse-battery-staple").token


def test_a_poll_waits_for_something_to_happen(subscriber, poll_stream, log_out):
    answers = []
    poll = threading.Thread(target=lambda: answers.append(subscriber.poll(poll_stream, wait=25)))
    poll.start()

    log_out()  # a log-in takes its time, so the poll waits by then; if it does not, it finds the signal at once
    poll.join(20)

    (answer,) = answers
    assert len(answer["sets"]) == 1


def test_a_poll_that_waits_in_vain_is_answered_before_the_door_gives_up(subscriber, poll_stream):
    path = poll_stream["delivery"]["endpoint_url"].removeprefix(subscriber.issuer)

    answer = subscriber("POST", path, json={})

    assert (answer.status_code, answer.json()) == (200, {"sets": {}, "moreAvailable": False})


def test_a_token_of_an_event_opens_nothing(auth_cluster, subscriber, poll_stream, log_out):
    log_out()
    (token,) = subscriber.poll(poll_stream)["sets"].values()

    for base in (auth_cluster.gateway, auth_cluster.urls["auth-service"]):
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{base}/account/sessions", headers=headers, timeout=10).status_code == 401
