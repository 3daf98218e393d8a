"""What is pushed to a receiver (RFC 8935), and what becomes of it when the receiver, or the mint, is not well."""

import pytest


def about(signals, sid):
    """Those of session-revoked signals that are about one session."""
    return [each for each in signals if each["sub_id"].get("session", {}).get("id") == sid]


@pytest.fixture
def revoked(receiver, kinds, until):
    """`revoked(sid)`: wait for the one signal that says that this session is over."""

    def wait(sid):
        def come():
            return about(receiver.events(kinds["revoked"]), sid)

        until(come, hope=f"a signal about session {sid}")
        (signal,) = come()
        return signal

    return wait


def test_a_verification_comes_with_the_receivers_own_state(subscriber, receiver, pushed, kinds, until):
    stream_id = pushed["stream_id"]

    asked = subscriber("POST", "/ssf/verification", json={"stream_id": stream_id, "state": "VGhpcyBpcyBpdA"})

    assert asked.status_code == 204
    until(lambda: receiver.events(kinds["verification"]), hope="a verification")
    (signal,) = receiver.events(kinds["verification"])
    assert signal["event"] == {"state": "VGhpcyBpcyBpdA"}
    assert signal["sub_id"] == {"format": "opaque", "id": stream_id}


def test_a_log_out_is_told(told, pushed, log_out, revoked):
    claims = log_out()

    signal = revoked(claims["sid"])

    assert signal["sub_id"] == {
        "format": "complex",
        "session": {"format": "opaque", "id": claims["sid"]},
        "user": {"format": "iss_sub", "iss": told.issuer, "sub": claims["sub"]},
    }
    assert signal["aud"] == pushed["aud"]
    assert signal["event"]["initiating_entity"] == "user"
    assert signal["event"]["reason_admin"]["en"]
    assert abs(signal["event"]["event_timestamp"] - signal["iat"]) <= 1


def test_a_password_change_is_told_with_the_sessions_that_end_by_it(
    told, pushed, door, somebody, claims_of, receiver, kinds, revoked, until
):
    other, mine = (somebody.log_in()["access_token"] for _ in range(2))
    body = {"current_password": somebody.password, "new_password": "a quite different one 8472"}

    changed = door(told.gateway)("POST", "/account/password", token=mine, json=body)

    assert changed.status_code == 204
    end = revoked(claims_of(other)["sid"])
    until(lambda: receiver.events(kinds["changed"]), hope="the change")
    (change,) = receiver.events(kinds["changed"])
    subject = {"format": "iss_sub", "iss": told.issuer, "sub": claims_of(mine)["sub"]}
    assert change["sub_id"] == end["sub_id"]["user"] == subject
    assert change["event"]["credential_type"] == "password"
    assert change["event"]["change_type"] == "update"
    assert change["txn"] == end["txn"]
    assert about(receiver.events(kinds["revoked"]), claims_of(mine)["sid"]) == []


def test_what_an_administrator_ends_is_told_as_theirs(
    told, pushed, door, person, somebody, claims_of, revoked
):
    gate, sid = door(told.gateway), claims_of(somebody.log_in()["access_token"])["sid"]
    admin = person(gate, "admin@example.com", "correct-horse-battery-staple")

    assert gate("DELETE", f"/admin/sessions/{sid}", token=admin.token).status_code == 204

    assert revoked(sid)["event"]["initiating_entity"] == "admin"


def test_an_event_that_was_not_asked_for_does_not_come(subscriber, receiver, log_out, kinds, until):
    stream = subscriber.subscribe(receiver, events_requested=[kinds["changed"]])
    log_out()
    subscriber("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    until(lambda: receiver.seen, hope="the verification")
    subscriber.unsubscribe(stream)

    assert receiver.events(kinds["revoked"]) == []


def test_a_receiver_that_was_away_gets_what_happened_meanwhile(pushed, receiver, log_out, revoked, away):
    with away(receiver):
        sids = [log_out()["sid"] for _ in range(3)]

    for sid in sids:
        revoked(sid)


def test_an_unwell_receiver_is_asked_again_and_gets_the_same_token(pushed, receiver, log_out, revoked, until):
    receiver.mood = "unwell"
    sid = log_out()["sid"]
    until(lambda: len(receiver.tries) >= 2, hope="a second try")
    receiver.mood = "well"

    revoked(sid)

    assert receiver.repeated == []


def test_what_a_receiver_refuses_is_not_sent_again(told, pushed, receiver, log_out, revoked, until):
    receiver.mood = "refusing"
    refused = log_out()["sid"]
    until(lambda: receiver.tries, hope="a try")
    until(lambda: "access_denied" in told.log("auth-service"), hope="a line in the log")
    receiver.mood = "well"

    revoked(log_out()["sid"])

    tries = len(receiver.tries)
    assert (
        about(receiver.events("https://schemas.openid.net/secevent/caep/event-type/session-revoked"), refused)
        == []
    )
    assert tries == 2


def test_what_was_acknowledged_is_told_although_the_mint_is_killed(
    told, pushed, receiver, log_out, revoked, away
):
    with away(receiver):
        sids = [log_out()["sid"] for _ in range(5)]
        told.kill_service("auth-service")
    told.start_service("auth-service")

    for sid in sids:
        revoked(sid)


def test_two_processes_send_each_signal_once(pushed, receiver, log_out, revoked):
    for sid in [log_out()["sid"] for _ in range(40)]:
        revoked(sid)

    assert receiver.repeated == []


def test_a_stream_that_is_paused_keeps_its_signals_until_it_goes_on(
    subscriber, pushed, receiver, log_out, revoked
):
    stream_id = pushed["stream_id"]
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "paused"})
    sid = log_out()["sid"]
    assert receiver.tries == []

    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "enabled"})

    revoked(sid)


def test_a_stream_that_was_disabled_is_told_nothing_of_the_time_between(
    subscriber, pushed, receiver, log_out, revoked
):
    stream_id = pushed["stream_id"]
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "disabled"})
    log_out()
    subscriber("POST", "/ssf/status", json={"stream_id": stream_id, "status": "enabled"})

    revoked(log_out()["sid"])

    assert len(receiver.seen) == 1


def test_no_log_holds_what_the_receiver_gave_us_to_send(told, pushed, log_out, revoked):
    revoked(log_out()["sid"])

    assert "known-to-two" not in told.log("auth-service")


def test_what_became_of_pushes_is_counted(told, pushed, log_out, revoked, metric, until):
    revoked(log_out()["sid"])

    # Asked until the process answers that delivered it.
    until(lambda: metric('signal_tries_total{outcome="delivered"}') > 0, hope="a delivery counted")
    until(lambda: metric('signals_waiting{delivery="push"}') == 0, hope="nothing that waits")
