"""Events that a receiver polls (RFC 8936)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.user import User


@pytest.fixture
def poll(subscriber, poll_stream, reader):
    """`poll(…)`: poll, verify the tokens, and return the answer."""

    def poll(**body):
        answer = subscriber.poll(poll_stream, **body)
        for jti, token in answer["sets"].items():
            reader.accept(token)
            assert reader.seen[jti]["jti"] == jti
        return answer

    return poll


def sid_of(reader, jti):
    return reader.seen[jti]["sub_id"]["session"]["id"]


def test_event_is_repeated_until_acknowledged(poll, reader, log_out):
    sid = log_out()["sid"]

    (jti,) = poll()["sets"]
    assert list(poll()["sets"]) == [jti]
    assert sid_of(reader, jti) == sid
    assert poll(ack=[jti])["sets"] == {}
    assert poll()["sets"] == {}


def test_max_events_gives_oldest_first(poll, reader, log_out):
    sids = [log_out()["sid"] for _ in range(3)]

    first = poll(maxEvents=2)
    second = poll(maxEvents=2, ack=list(first["sets"]))

    assert first["moreAvailable"]
    assert not second["moreAvailable"]
    assert [sid_of(reader, jti) for jti in (*first["sets"], *second["sets"])] == sids


def test_acknowledgement_alone_fetches_nothing(poll, log_out):
    log_out()

    assert poll(maxEvents=0) == {"sets": {}, "moreAvailable": False}
    assert len(poll()["sets"]) == 1


def test_event_reported_as_error_is_dropped(auth_cluster, poll, log_out):
    log_out()
    (jti,) = poll()["sets"]

    answer = poll(setErrs={jti: {"err": "invalid_audience", "description": "not mine"}})

    assert answer["sets"] == {}
    wait_for(lambda: "invalid_audience" in auth_cluster.log("auth-service"), what="a line in the log")


def test_poll_by_other_client_is_refused(auth_cluster, subscriber, poll_stream, alice_token, log_out):
    log_out()
    path = poll_stream["delivery"]["endpoint_url"].removeprefix(auth_cluster.issuer)

    assert subscriber.server("POST", path, token=alice_token, json={}).status_code == 403
    assert subscriber.server("POST", path, json={}).status_code == 401


@pytest.fixture
def alice_token(auth_cluster, auth_gateway):
    return User(auth_gateway, "alice@example.com", DEMO_PASSWORD).token


def test_poll_waits_for_event(subscriber, poll_stream, log_out):
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(subscriber.poll, poll_stream, wait=25)
        log_out()  # if this is faster than the poll, the poll finds the event at once

    assert len(poll.result()["sets"]) == 1


def test_poll_without_event_ends_in_time(subscriber, poll_stream):
    path = poll_stream["delivery"]["endpoint_url"].removeprefix(subscriber.issuer)

    answer = subscriber("POST", path, json={})

    assert (answer.status_code, answer.json()) == (200, {"sets": {}, "moreAvailable": False})


def test_event_token_is_no_access_token(auth_cluster, subscriber, poll_stream, log_out):
    log_out()
    (token,) = subscriber.poll(poll_stream)["sets"].values()

    for base in (auth_cluster.gateway, auth_cluster.urls["auth-service"]):
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{base}/account/sessions", headers=headers, timeout=10).status_code == 401
