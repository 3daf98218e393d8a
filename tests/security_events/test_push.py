"""Events that are pushed to a receiver (RFC 8935), and what happens when the receiver or auth-service fails."""

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of
from testkit.user import User


def about(events, sid):
    """Return the session-revoked events of one session."""
    return [each for each in events if each["sub_id"].get("session", {}).get("id") == sid]


@pytest.fixture
def revoked(receiver, event_types):
    """`revoked(sid)`: wait for the session-revoked event of this session and return it; there must be one only."""

    def wait(sid):
        def received():
            return about(receiver.events(event_types["revoked"]), sid)

        wait_for(received, what=f"an event of session {sid}")
        (event,) = received()
        return event

    return wait


def test_verification_carries_state(subscriber, receiver, push_stream, event_types):
    stream_id = push_stream["stream_id"]

    answer = subscriber("POST", "/ssf/verification", json={"stream_id": stream_id, "state": "VGhpcyBpcyBpdA"})

    assert answer.status_code == 204
    wait_for(lambda: receiver.events(event_types["verification"]), what="a verification")
    (event,) = receiver.events(event_types["verification"])
    assert event["event"] == {"state": "VGhpcyBpcyBpdA"}
    assert event["sub_id"] == {"format": "opaque", "id": stream_id}


def test_logout_is_pushed(auth_cluster, push_stream, log_out, revoked):
    claims = log_out()

    event = revoked(claims["sid"])

    assert event["sub_id"] == {
        "format": "complex",
        "session": {"format": "opaque", "id": claims["sid"]},
        "user": {"format": "iss_sub", "iss": auth_cluster.issuer, "sub": claims["sub"]},
    }
    assert event["aud"] == push_stream["aud"]
    assert event["event"]["initiating_entity"] == "user"
    assert event["event"]["reason_admin"]["en"]
    assert abs(event["event"]["event_timestamp"] - event["iat"]) <= 1


def test_password_change_is_pushed_with_ended_sessions(
    auth_cluster, push_stream, auth_gateway, user, receiver, event_types, revoked
):
    other, mine = (user.log_in()["access_token"] for _ in range(2))
    body = {"current_password": user.password, "new_password": "a quite different one 8472"}

    changed = auth_gateway("POST", "/account/password", token=mine, json=body)

    assert changed.status_code == 204
    end = revoked(claims_of(other)["sid"])
    wait_for(lambda: receiver.events(event_types["changed"]), what="the change")
    (change,) = receiver.events(event_types["changed"])
    subject = {"format": "iss_sub", "iss": auth_cluster.issuer, "sub": claims_of(mine)["sub"]}
    assert change["sub_id"] == end["sub_id"]["user"] == subject
    assert change["event"]["credential_type"] == "password"
    assert change["event"]["change_type"] == "update"
    assert change["txn"] == end["txn"]
    assert about(receiver.events(event_types["revoked"]), claims_of(mine)["sid"]) == []


def test_end_by_administrator_names_initiator(auth_cluster, push_stream, auth_gateway, user, revoked):
    sid = claims_of(user.log_in()["access_token"])["sid"]
    admin = User(auth_gateway, "admin@example.com", DEMO_PASSWORD)

    assert auth_gateway("DELETE", f"/admin/sessions/{sid}", token=admin.token).status_code == 204

    assert revoked(sid)["event"]["initiating_entity"] == "admin"


def test_unrequested_event_is_not_pushed(subscriber, receiver, log_out, event_types):
    stream = subscriber.subscribe(receiver, events_requested=[event_types["changed"]])
    log_out()
    subscriber("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    wait_for(lambda: receiver.seen, what="the verification")
    subscriber.unsubscribe(stream)

    assert receiver.events(event_types["revoked"]) == []


def test_receiver_restarted_gets_missed_events(push_stream, receiver, log_out, revoked):
    with receiver.stopped():
        sids = [log_out()["sid"] for _ in range(3)]

    for sid in sids:
        revoked(sid)


def test_failing_receiver_gets_same_token_again(push_stream, receiver, log_out, revoked):
    receiver.mode = "failing"
    sid = log_out()["sid"]
    wait_for(lambda: len(receiver.tries) >= 2, what="a second try")
    receiver.mode = "accepting"

    revoked(sid)

    assert receiver.repeated == []


def test_refused_event_is_not_repeated(auth_cluster, push_stream, receiver, log_out, revoked, event_types):
    receiver.mode = "refusing"
    refused = log_out()["sid"]
    wait_for(lambda: receiver.tries, what="a try")
    wait_for(lambda: "access_denied" in auth_cluster.log("auth-service"), what="a line in the log")
    receiver.mode = "accepting"

    revoked(log_out()["sid"])

    assert about(receiver.events(event_types["revoked"]), refused) == []
    assert len(receiver.tries) == 2


def test_acknowledged_logout_is_pushed_after_kill(auth_cluster, push_stream, receiver, log_out, revoked):
    with receiver.stopped():
        sids = [log_out()["sid"] for _ in range(5)]
        auth_cluster.kill_service("auth-service")
    auth_cluster.start_service("auth-service")

    for sid in sids:
        revoked(sid)


def test_two_processes_push_each_event_once(push_stream, receiver, log_out, revoked):
    for sid in [log_out()["sid"] for _ in range(40)]:
        revoked(sid)

    assert receiver.repeated == []


def test_paused_stream_keeps_events(subscriber, push_stream, receiver, log_out, revoked):
    stream_id = push_stream["stream_id"]
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "paused"})
    sid = log_out()["sid"]
    assert receiver.tries == []

    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "enabled"})

    revoked(sid)


def test_disabled_stream_drops_events(subscriber, push_stream, receiver, log_out, revoked):
    stream_id = push_stream["stream_id"]
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "disabled"})
    log_out()
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "enabled"})

    revoked(log_out()["sid"])

    assert len(receiver.seen) == 1


def test_log_holds_no_receiver_credentials(auth_cluster, push_stream, log_out, revoked):
    revoked(log_out()["sid"])

    assert "known-to-two" not in auth_cluster.log("auth-service")


def test_pushes_are_counted(auth_cluster, push_stream, log_out, revoked, metric):
    revoked(log_out()["sid"])

    # Repeated until the process that delivered it answers.
    wait_for(lambda: metric('signal_tries_total{outcome="delivered"}') > 0, what="a delivery counted")
    wait_for(lambda: metric('signals_waiting{delivery="push"}') == 0, what="an empty queue")
