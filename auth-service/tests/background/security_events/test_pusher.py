"""Pushed events: the outcome of each attempt, how many threads one stream may take, and the log of an outage."""

import threading
from collections import Counter

import pytest
from auth_service.background.security_events.pusher import (
    MAX_PUSHES,
    MAX_PUSHES_OF_STREAM,
    TRIM_EVERY,
    EventPusher,
)
from auth_service.domain.delivery import (
    MAX_DELAY_SECONDS,
    DeliveryDelayed,
    DeliveryRefused,
    Outcome,
    retry_delay,
)
from auth_service.domain.errors import NoSigningKey
from auth_service.domain.security_events.event import SESSION_REVOKED, Event
from auth_service.domain.security_events.stream import DeliveryMethod, StreamConfiguration
from auth_service.use_cases.security_events.push import GIVE_UP_AFTER_SECONDS, LEASE_SECONDS, PushDelivery
from auth_service.use_cases.security_events.streams import StreamManagement
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from testkit.clock import FakeClock
from testkit.concurrency import wait_for

URL = "https://receiver.example/events"


class FakePusher:
    """Records what it pushes, and raises `failure` if a test has set one."""

    def __init__(self):
        self.pushed = []
        self.failure = None
        self.gate = threading.Event()
        self.gate.set()

    def push(self, url, authorization, token):
        self.pushed.append((url, authorization, token))
        self.gate.wait(10)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def pusher():
    return FakePusher()


@pytest.fixture
def deliver(rules, pusher):
    rules.register("hr", confidential=True)
    return PushDelivery(
        rules.store, rules.clients, rules.signer, pusher, "https://issuer.example", rules.clock
    )


@pytest.fixture
def stream(rules, deliver):
    admin = StreamManagement(rules.store, rules.clock)
    return admin.create(
        "hr",
        StreamConfiguration(DeliveryMethod.PUSH, URL, authorization="Bearer x", keep_authorization=False),
    )


@pytest.fixture
def record(rules):
    def add(number=1):
        with rules.store.transaction() as tx:
            for sid in range(number):
                facts = {"event_timestamp": int(rules.clock())}
                tx.queued_events.add_to_streams(Event(SESSION_REVOKED, "sub", facts, sid=f"sid-{sid}"))

    return add


@pytest.fixture
def try_one(deliver, stream, record):
    """`try_one()`: queue an event unless one is due, and try to deliver it."""

    def go():
        if not deliver.due():
            record()
        (queued,) = deliver.claim(stream, 1)
        return deliver(stream, queued)

    return go


def waiting(rules, stream):
    with rules.store.reading() as tx:
        return tx.queued_events.list_oldest(stream.stream_id, 100)


def test_accepted_event_is_deleted(rules, pusher, stream, try_one):
    assert try_one().outcome is Outcome.DELIVERED

    ((url, authorization, token),) = pusher.pushed
    assert (url, authorization) == (URL, "Bearer x")
    assert token.startswith("secevent+jwt")
    assert rules.signer.claims[token]["aud"] == "hr"
    assert waiting(rules, stream) == []


def test_refused_event_is_deleted(rules, pusher, stream, try_one):
    pusher.failure = DeliveryRefused("invalid_audience")

    tried = try_one()

    assert (tried.outcome, tried.reason) == (Outcome.REFUSED, "invalid_audience")
    assert waiting(rules, stream) == []


def test_delayed_event_is_due_after_pause(rules, pusher, stream, deliver, try_one):
    pusher.failure = DeliveryDelayed("ConnectionError")

    assert try_one().outcome is Outcome.DELAYED
    assert list(deliver.due()) == []
    rules.clock.advance(1)
    assert list(deliver.due()) == [stream]


def test_event_is_given_up_after_a_day(rules, pusher, stream, try_one):
    pusher.failure = DeliveryDelayed("ConnectionError")
    try_one()
    rules.clock.advance(GIVE_UP_AFTER_SECONDS)

    assert try_one().outcome is Outcome.GIVEN_UP
    assert waiting(rules, stream) == []


def test_event_waits_without_signing_key(rules, stream, deliver, try_one):
    def sign(claims, *, typ):
        raise NoSigningKey("no key", retry_after=5)

    rules.signer.sign = sign

    assert try_one().outcome is Outcome.DELAYED
    assert len(waiting(rules, stream)) == 1


@pytest.mark.parametrize("facts", [{"enabled": False}, {}])
def test_disabled_or_deleted_client_gets_none(rules, pusher, stream, try_one, facts):
    if facts:
        rules.register("hr", **facts)
    else:
        del rules.clients.fixed._clients["hr"]

    assert try_one().outcome is Outcome.GIVEN_UP
    assert pusher.pushed == []


def test_event_of_dead_process_is_claimed_again(rules, pusher, stream, deliver, record):
    record()
    (lost,) = deliver.claim(stream, 1)
    rules.clock.advance(LEASE_SECONDS)

    (again,) = deliver.claim(stream, 1)
    deliver(stream, again)

    assert again.jti == lost.jti
    assert len(pusher.pushed) == 1


def test_pause_doubles_to_limit_with_jitter():
    assert [retry_delay(tries, lambda: 1.0) for tries in (1, 2, 3)] == [1, 2, 4]
    assert retry_delay(1, lambda: 0.0) == 0.5
    assert retry_delay(10_000, lambda: 1.0) == MAX_DELAY_SECONDS


@pytest.fixture
def ticks():
    return FakeClock(0)


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def event_pusher(deliver, counts, ticks):
    made = EventPusher(deliver, lambda outcome: counts.update([outcome]), ticks=ticks)
    yield made
    made.stop()


def look_until(event_pusher, condition):
    """Look repeatedly until the condition holds: a thread that has just finished is counted a moment longer."""
    wait_for(lambda: event_pusher.look() or condition(), what="the deliveries")


def test_one_stream_never_takes_all_threads(rules, pusher, event_pusher, stream, record):
    pusher.gate.clear()
    record(MAX_PUSHES * 2)
    event_pusher.look()
    event_pusher.look()
    wait_for(lambda: len(pusher.pushed) == MAX_PUSHES_OF_STREAM, what="the threads of one stream")

    StreamManagement(rules.store, rules.clock).create("hr", StreamConfiguration(DeliveryMethod.PUSH, URL))
    record(MAX_PUSHES)
    event_pusher.look()
    wait_for(lambda: len(pusher.pushed) == MAX_PUSHES, what="those of another")
    event_pusher.look()
    pusher.gate.set()

    assert len(pusher.pushed) == MAX_PUSHES


def test_failed_stream_pauses_then_gets_one_try(pusher, event_pusher, counts, ticks, stream, record):
    pusher.failure = DeliveryDelayed("ConnectionError")
    record(MAX_PUSHES_OF_STREAM * 3)
    event_pusher.look()
    wait_for(lambda: counts[Outcome.DELAYED] == MAX_PUSHES_OF_STREAM, what="the first tries")

    event_pusher.look()
    assert len(pusher.pushed) == MAX_PUSHES_OF_STREAM
    ticks.advance(MAX_DELAY_SECONDS)
    look_until(event_pusher, lambda: counts[Outcome.DELAYED] == MAX_PUSHES_OF_STREAM + 1)
    assert len(pusher.pushed) == MAX_PUSHES_OF_STREAM + 1


def test_recovered_stream_gets_all_its_threads(pusher, event_pusher, counts, ticks, stream, record):
    pusher.failure = DeliveryDelayed("ConnectionError")
    record(1)
    event_pusher.look()
    wait_for(lambda: counts[Outcome.DELAYED] == 1, what="a failure")
    pusher.failure = None
    record(MAX_PUSHES_OF_STREAM + 1)
    ticks.advance(MAX_DELAY_SECONDS)

    look_until(event_pusher, lambda: counts[Outcome.DELIVERED] == MAX_PUSHES_OF_STREAM + 1)


def test_woken_pusher_empties_queue(event_pusher, counts, stream, record):
    event_pusher.ensure()
    record(MAX_PUSHES_OF_STREAM * 4)
    event_pusher.wake()

    wait_for(lambda: counts[Outcome.DELIVERED] == MAX_PUSHES_OF_STREAM * 4, what="all of them")


def test_dropped_events_are_logged(rules, deliver, event_pusher, ticks, stream, record):
    record()
    rules.clock.advance(8 * 86_400)
    ticks.advance(TRIM_EVERY)

    with capture_logs() as logs:
        event_pusher.look()
        event_pusher.look()

    assert [(line["log_level"], line["signals"]) for line in logs] == [("error", 1)]


def test_database_outage_is_logged_once(event_pusher, deliver, rules):
    class Away:
        def reading(self):
            raise OperationalError("SELECT", {}, OSError())

        transaction = reading

    event_pusher._deliver = PushDelivery(Away(), rules.clients, rules.signer, None, "", rules.clock)

    with capture_logs() as logs:
        for _ in range(3):
            event_pusher.look()

    assert [line["log_level"] for line in logs] == ["error"]


def test_unrecorded_delivery_is_repeated(rules, event_pusher, deliver, stream, record):
    record()

    def away():
        raise OperationalError("DELETE", {}, OSError())

    (queued,) = deliver.claim(stream, 1)
    whole, rules.store.transaction = rules.store.transaction, away
    with capture_logs() as logs:
        event_pusher._send(stream, queued)
        wait_for(lambda: len(logs) == 1, what="a line")
    rules.store.transaction = whole
    rules.clock.advance(LEASE_SECONDS)

    assert logs[0]["event"] == "the outcome of a push was not recorded"
    assert [again.jti for again in deliver.claim(stream, 1)] == [queued.jti]


def test_refusal_log_hides_secret(pusher, event_pusher, counts, stream, record):
    pusher.failure = DeliveryRefused("invalid_key")
    record()

    with capture_logs() as logs:
        event_pusher.look()
        wait_for(lambda: len(logs) == 1, what="a line")

    (line,) = logs
    assert (line["event"], line["reason"], line["kind"]) == (
        "a signal was refused",
        "invalid_key",
        "session-revoked",
    )
    assert "Bearer" not in repr(logs)
