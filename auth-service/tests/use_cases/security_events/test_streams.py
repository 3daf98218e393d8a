"""Stream configuration, ownership, and the events of a stream."""

import pytest
from auth_service.domain.security_events.endpoint import check_authorization, check_endpoint
from auth_service.domain.security_events.errors import InvalidStream, TooManyVerifications, UnknownStream
from auth_service.domain.security_events.event import CREDENTIAL_CHANGE, EVENTS, SESSION_REVOKED, QueuedEvent
from auth_service.domain.security_events.stream import (
    VERIFY_INTERVAL_SECONDS,
    DeliveryMethod,
    StreamConfiguration,
    StreamStatus,
)
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.security_events.emitter import _SESSION_ENDS, SecurityEventEmitter
from auth_service.use_cases.security_events.poll import PollDelivery
from auth_service.use_cases.security_events.streams import StreamAdmin, StreamManagement
from auth_service.use_cases.sessions.end_sessions import end_session

URL = "https://receiver.example/events"
ISSUER = "https://auth.example"
PUSH = StreamConfiguration(DeliveryMethod.PUSH, URL, authorization="Bearer x", keep_authorization=False)


@pytest.fixture
def admin(memory, clock):
    return StreamManagement(memory, clock)


@pytest.fixture
def poll(memory):
    return PollDelivery(memory)


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example/events",
        "https://receiver.example:8443/a?b=c",
        "https://10.0.0.1/events",
        "https://[2001:db8::1]/",
    ],
)
def test_endpoint_https_is_accepted(url):
    assert check_endpoint(url, allow_http=False) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "receiver.example",
        "http://receiver.example/events",
        "http://127.0.0.1/events",
        "ftp://receiver.example/",
        "https://",
        "https:///events",
        "https://user:secret@receiver.example/",
        "https://receiver.example/#here",
        "https://receiver.example:99999/",
        "https://receiver.example:0/",
        "https://receiver.example/a b",
        "https://receiver.example/\r\nX: y",
        "https://receiver.exämple/",
        "https://[::1/",
        "https://receiver.example/" + "a" * 2000,
    ],
)
def test_endpoint_invalid_is_refused(url):
    with pytest.raises(InvalidStream, match=r"delivery\.endpoint_url"):
        check_endpoint(url, allow_http=False)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:9000/", True),
        ("http://127.0.0.1:9000/", True),
        ("http://[::1]:9000/", True),
        ("http://192.168.1.4/", True),
        ("http://receiver:9000/", True),
        ("http://receiver.example/", False),
        ("http://93.184.216.34/", False),
        ("http://0.0.0.0/", False),
    ],
)
def test_endpoint_http_needs_local_host(url, near):
    try:
        check_endpoint(url, allow_http=True)
    except InvalidStream:
        assert not near
    else:
        assert near


@pytest.mark.parametrize("header", ["", " x", "x ", "a\r\nb", "Bearer\tx", "Bearer ä", "x" * 2001])
def test_authorization_header_invalid_is_refused(header):
    with pytest.raises(InvalidStream, match=r"authorization_header"):
        check_authorization(header)


def test_stream_delivers_supported_requested_events(admin):
    made = admin.create("hr", StreamConfiguration(events=("urn:unknown", SESSION_REVOKED, SESSION_REVOKED)))

    assert made.requested == ("urn:unknown", SESSION_REVOKED)
    assert made.delivered == (SESSION_REVOKED,)


def test_stream_without_requested_events_gets_all(admin):
    assert admin.create("hr", StreamConfiguration()).delivered == EVENTS


def test_stream_with_empty_event_list_is_refused(admin):
    with pytest.raises(InvalidStream, match="events_requested"):
        admin.create("hr", StreamConfiguration(events=()))


def test_poll_stream_has_no_authorization(admin):
    with pytest.raises(InvalidStream, match="only for push"):
        admin.create("hr", StreamConfiguration(DeliveryMethod.POLL, authorization="Bearer x"))


def test_authorization_stays_with_endpoint(admin):
    made = admin.create("hr", PUSH)

    kept = admin.configure("hr", made.stream_id, lambda _: StreamConfiguration(DeliveryMethod.PUSH, URL))
    assert kept.authorization == "Bearer x"
    moved = admin.configure(
        "hr", made.stream_id, lambda _: StreamConfiguration(DeliveryMethod.PUSH, URL + "/new")
    )
    assert moved.authorization is None


def test_authorization_can_be_removed(admin):
    made = admin.create("hr", PUSH)

    bare = admin.configure(
        "hr",
        made.stream_id,
        lambda _: StreamConfiguration(DeliveryMethod.PUSH, URL, keep_authorization=False),
    )

    assert bare.authorization is None


@pytest.mark.parametrize(
    "act",
    [
        lambda admin, stream_id: admin.get("another", stream_id),
        lambda admin, stream_id: admin.configure("another", stream_id, lambda _: StreamConfiguration()),
        lambda admin, stream_id: admin.set_status("another", stream_id, StreamStatus.PAUSED, None),
        lambda admin, stream_id: admin.remove("another", stream_id),
        lambda admin, stream_id: admin.verify("another", stream_id, None),
        lambda admin, stream_id: PollDelivery(admin.store).fetch("another", stream_id, 1),
        lambda admin, stream_id: PollDelivery(admin.store).acknowledge("another", stream_id, ["jti"]),
        lambda admin, stream_id: PollDelivery(admin.store).acknowledge("another", stream_id, []),
        lambda admin, stream_id: StreamAdmin(admin.store).remove(f"{stream_id}x"),
    ],
)
def test_stream_of_another_client_is_unknown(admin, act):
    made = admin.create("hr", StreamConfiguration())

    with pytest.raises(UnknownStream):
        act(admin, made.stream_id)


def test_verification_is_queued(admin, poll):
    made = admin.create("hr", StreamConfiguration())

    admin.verify("hr", made.stream_id, "s")

    (signal,) = poll.fetch("hr", made.stream_id, 10).events
    claims = signal.claims(issuer=ISSUER, audience="hr")
    assert claims["sub_id"] == {"format": "opaque", "id": made.stream_id}
    assert list(claims["events"].values()) == [{"state": "s"}]


def test_verification_without_state(admin, poll):
    made = admin.create("hr", StreamConfiguration())

    admin.verify("hr", made.stream_id, None)

    assert poll.fetch("hr", made.stream_id, 10).events[0].body == {}


def test_verifications_are_rate_limited(admin, clock):
    made = admin.create("hr", StreamConfiguration())
    admin.verify("hr", made.stream_id, None)
    clock.advance(VERIFY_INTERVAL_SECONDS - 1)

    with pytest.raises(TooManyVerifications) as refused:
        admin.verify("hr", made.stream_id, None)
    clock.advance(refused.value.retry_after)
    admin.verify("hr", made.stream_id, None)


def test_verification_of_disabled_stream_is_refused(admin):
    made = admin.create("hr", StreamConfiguration())
    admin.set_status("hr", made.stream_id, StreamStatus.DISABLED, None)

    with pytest.raises(InvalidStream, match="disabled"):
        admin.verify("hr", made.stream_id, None)


def test_disabling_deletes_events_and_pausing_keeps_them(admin, poll):
    made = admin.create("hr", StreamConfiguration())
    admin.verify("hr", made.stream_id, None)

    admin.set_status("hr", made.stream_id, StreamStatus.PAUSED, "later")
    assert poll.fetch("hr", made.stream_id, 10).events == ()
    admin.set_status("hr", made.stream_id, StreamStatus.ENABLED, None)
    assert len(poll.fetch("hr", made.stream_id, 10).events) == 1
    admin.set_status("hr", made.stream_id, StreamStatus.DISABLED, None)
    admin.set_status("hr", made.stream_id, StreamStatus.ENABLED, None)
    assert len(poll.fetch("hr", made.stream_id, 10).events) == 0


def test_push_stream_is_not_polled(admin, poll):
    made = admin.create("hr", PUSH)

    with pytest.raises(InvalidStream, match="push delivery"):
        poll.fetch("hr", made.stream_id, 1)


def test_operator_lists_and_deletes_all_streams(admin, memory):
    made = admin.create("hr", StreamConfiguration())
    admin.verify("hr", made.stream_id, None)
    operator = StreamAdmin(memory)

    assert operator.all() == [(admin.get("hr", made.stream_id), 1)]
    operator.remove(made.stream_id)
    assert operator.all() == []


@pytest.mark.parametrize("reason", list(EndReason))
def test_every_end_reason_has_a_text(rules, admin, poll, reason):
    made = admin.create("hr", StreamConfiguration())
    session, *_ = rules.open(rules.account())

    with rules.store.transaction() as tx:
        end_session(tx, session.sid, reason, rules.clock())

    (signal,) = poll.fetch("hr", made.stream_id, 10).events
    assert str(reason) in _SESSION_ENDS
    assert signal.body["initiating_entity"] in {"admin", "user", "policy", "system"}
    assert signal.body["reason_admin"]["en"]
    assert signal.body["reason_user"]["en"]


def test_session_revoked_names_session_and_user():
    signal = QueuedEvent("jti", "stream", "txn", SESSION_REVOKED, {}, 1.9, "sub", "sid")

    assert signal.claims(issuer=ISSUER, audience="hr") == {
        "iss": ISSUER,
        "aud": "hr",
        "iat": 1,
        "jti": "jti",
        "txn": "txn",
        "sub_id": {
            "format": "complex",
            "session": {"format": "opaque", "id": "sid"},
            "user": {"format": "iss_sub", "iss": ISSUER, "sub": "sub"},
        },
        "events": {SESSION_REVOKED: {}},
    }


def test_credential_change_names_user_alone(rules, admin, poll):
    made, account = admin.create("hr", StreamConfiguration()), rules.account()

    with rules.store.transaction() as tx:
        SecurityEventEmitter(tx).password_changed(account.sub, EndReason.PASSWORD_CHANGED, rules.clock())

    (signal,) = poll.fetch("hr", made.stream_id, 10).events
    claims = signal.claims(issuer=ISSUER, audience="hr")
    assert claims["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": account.sub}
    assert claims["events"][CREDENTIAL_CHANGE]["credential_type"] == "password"
    assert claims["events"][CREDENTIAL_CHANGE]["change_type"] == "update"
