"""Event queues and streams in every store: queued in the transaction of the change, sent by one process at a time."""

import threading
from dataclasses import replace

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.security_events.errors import TooManyStreams
from auth_service.domain.security_events.event import (
    CREDENTIAL_CHANGE,
    KEEP_SECONDS,
    MAX_QUEUED,
    SESSION_REVOKED,
    VERIFICATION,
    Event,
    QueuedEvent,
)
from auth_service.domain.security_events.stream import (
    MAX_STREAMS,
    DeliveryMethod,
    Stream,
    StreamConfiguration,
    StreamStatus,
)
from auth_service.domain.sessions.session import EndReason
from auth_service.storage.security_events.unit_of_work import (
    SqlSecurityEventStore,
    SqlSecurityEventTransaction,
)
from auth_service.use_cases.security_events.emitter import SecurityEventEmitter
from auth_service.use_cases.security_events.streams import StreamManagement
from auth_service.use_cases.sessions.end_sessions import end_session

from ...fakes.store import MemoryStore

URL = "https://receiver.example/events"


@pytest.fixture
def events(store):
    """Every implementation of the security event store, fed by the sessions of the store."""
    if isinstance(store, MemoryStore):
        return store
    store.add_listener(lambda tx: SecurityEventEmitter(SqlSecurityEventTransaction(tx)))
    return SqlSecurityEventStore(store)


@pytest.fixture
def stream(events, clock):
    """`stream(**facts)`: store a stream, by default with push delivery, and return it."""
    made = []

    def make(**facts):
        made.append(len(made))
        base = {"method": DeliveryMethod.PUSH, "endpoint_url": URL, "requested": (SESSION_REVOKED,)}
        one = Stream(
            **{"stream_id": f"stream-{len(made)}", "client_id": "hr", "created_at": clock()} | base | facts
        )
        with events.transaction() as tx:
            tx.streams.add(one)
        return one

    return make


@pytest.fixture
def record(events, clock):
    """`record(sid)`: queue the event that this session ended."""

    def add(sid="sid", event=SESSION_REVOKED):
        with events.transaction() as tx:
            tx.queued_events.add_to_streams(Event(event, "sub", {"event_timestamp": int(clock())}, sid=sid))

    return add


@pytest.fixture
def waiting(events):
    def look(stream, limit=100):
        with events.reading() as tx:
            return tx.queued_events.list_oldest(stream.stream_id, limit)

    return look


@pytest.fixture
def claim(events, clock):
    def take(stream, limit=10, lease=30):
        with events.transaction() as tx:
            return tx.queued_events.claim(stream.stream_id, clock(), clock() + lease, limit)

    return take


def test_stream_is_read_as_stored(events, stream):
    kept = stream(
        authorization="Bearer s",
        description="Personnel",
        requested=(SESSION_REVOKED, "urn:unknown"),
        status=StreamStatus.PAUSED,
        reason="holiday",
        verified_at=1.5,
    )

    with events.reading() as tx:
        assert tx.streams.get(kept.stream_id) == kept
        assert tx.streams.list_of_client("hr") == tx.streams.list_all() == [kept]
        assert tx.streams.list_of_client("another") == []


def test_stream_is_replaced_and_deleted(events, stream):
    changed = replace(stream(), description="Other", status=StreamStatus.DISABLED)

    with events.transaction() as tx:
        tx.streams.replace(changed)
        assert tx.streams.get(changed.stream_id) == changed
        tx.streams.delete(changed.stream_id)
    with events.reading() as tx:
        assert tx.streams.get(changed.stream_id) is None


def test_event_is_queued_for_requesting_streams(stream, record, waiting):
    both, other = stream(requested=(SESSION_REVOKED, CREDENTIAL_CHANGE)), stream()

    record(event=CREDENTIAL_CHANGE, sid=None)

    (queued,) = waiting(both)
    assert (queued.event, queued.sub, queued.sid, queued.attempts) == (CREDENTIAL_CHANGE, "sub", None, 0)
    assert waiting(other) == []


@pytest.mark.parametrize(
    ("status", "number"), [(StreamStatus.ENABLED, 1), (StreamStatus.PAUSED, 1), (StreamStatus.DISABLED, 0)]
)
def test_paused_stream_queues_disabled_does_not(stream, record, waiting, status, number):
    one = stream(status=status)

    record()

    assert len(waiting(one)) == number


def test_event_without_stream_is_dropped(events, record):
    record()

    with events.reading() as tx:
        assert tx.queued_events.newest_id() is None


def test_rolled_back_event_is_not_queued(events, stream, waiting):
    one = stream()

    def fail():
        with events.transaction() as tx:
            tx.queued_events.add_to_streams(Event(SESSION_REVOKED, "sub", {"event_timestamp": 1}))
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert waiting(one) == []


def test_session_end_queues_one_event(make_rules, store, events, stream, waiting):
    rules, one = make_rules(store), stream()
    session, *_ = rules.open(rules.account())

    with store.transaction() as tx:
        end_session(tx, session.sid, EndReason.ENDED_BY_ADMIN, rules.clock())
        end_session(tx, session.sid, EndReason.LOGGED_OUT, rules.clock())

    (queued,) = waiting(one)
    assert (queued.sub, queued.sid) == (session.sub, session.sid)
    assert queued.body["initiating_entity"] == "admin"


def test_events_of_transaction_share_txn(events, stream, waiting, clock):
    one = stream(requested=(SESSION_REVOKED, CREDENTIAL_CHANGE))

    for sub in ("a", "b"):
        with events.transaction() as tx:
            SecurityEventEmitter(tx).password_changed(sub, EndReason.PASSWORD_CHANGED, clock())
            tx.queued_events.add_to_streams(Event(SESSION_REVOKED, sub, {"event_timestamp": int(clock())}))

    of = {(queued.sub, queued.txn) for queued in waiting(one)}
    assert len(of) == 2
    assert len({queued.jti for queued in waiting(one)}) == 4


def test_oldest_events_come_first_up_to_limit(stream, record, waiting, clock):
    one = stream()
    for sid in ("first", "second", "third"):
        record(sid)
        clock.advance(1)

    assert [queued.sid for queued in waiting(one, 2)] == ["first", "second"]


def test_claimed_event_is_reserved_for_lease(stream, record, claim, clock):
    one = stream()
    record()

    (first,) = claim(one)
    assert claim(one) == []
    clock.advance(30)
    (second,) = claim(one)

    assert (first.jti, first.attempts) == (second.jti, 1)
    assert second.attempts == 2


def test_expired_claim_postpones_nothing(events, stream, record, claim, clock):
    one = stream()
    record()
    (first,) = claim(one)
    clock.advance(30)
    (second,) = claim(one)

    with events.transaction() as tx:
        assert not tx.queued_events.postpone(first, clock() + 500)
        assert tx.queued_events.postpone(second, clock() + 5)
    clock.advance(5)
    assert len(claim(one)) == 1


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_parallel_claims_get_distinct_events(events, stream, record, claim):
    one, taken = stream(), []
    for number in range(20):
        record(str(number))
    start = threading.Barrier(4)

    def work():
        start.wait()
        while got := claim(one, limit=2):
            taken.extend(queued.sid for queued in got)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.extend(queued.sid for queued in claim(one))
    assert sorted(taken, key=int) == [str(number) for number in range(20)]


@pytest.mark.parametrize(
    "facts",
    [
        {"status": StreamStatus.PAUSED},
        {"status": StreamStatus.DISABLED},
        {"method": DeliveryMethod.POLL, "endpoint_url": None},
    ],
)
def test_due_stream_is_push_and_enabled(events, stream, record, clock, facts):
    stream(**facts)
    one = stream()
    record()

    with events.reading() as tx:
        assert tx.streams.list_due(clock()) == [one]


def test_stream_without_due_event_is_not_due(events, stream, record, claim, clock):
    one = stream()
    record()
    claim(one)

    with events.reading() as tx:
        assert tx.streams.list_due(clock()) == []
        assert tx.streams.list_due(clock() + 30) == [one]


def test_acknowledgement_keeps_other_streams(events, stream, record, waiting):
    mine, yours = stream(), stream()
    record()

    with events.transaction() as tx:
        jtis = [queued.jti for queued in (*waiting(mine), *waiting(yours))]
        assert tx.queued_events.delete(mine.stream_id, [*jtis, "unknown"]) == 1

    assert waiting(mine) == []
    assert len(waiting(yours)) == 1


def test_unfetched_events_are_deleted_by_age(events, stream, record, waiting, clock):
    one = stream(method=DeliveryMethod.POLL, endpoint_url=None)
    record("old")
    clock.advance(KEEP_SECONDS)
    record("new")
    clock.advance(1)

    with events.transaction() as tx:
        assert tx.queued_events.delete_stale(clock()) == 1
    assert [queued.sid for queued in waiting(one)] == ["new"]


def test_oldest_events_past_limit_are_deleted(events, stream, waiting, clock):
    one, two = stream(), stream()
    with events.transaction() as tx:
        for number in range(MAX_QUEUED + 5):
            tx.queued_events.add(
                QueuedEvent(f"j{number}", one.stream_id, "t", VERIFICATION, {}, clock() + number)
            )
        tx.queued_events.add(QueuedEvent("other", two.stream_id, "t", VERIFICATION, {}, clock()))

    with events.transaction() as tx:
        assert tx.queued_events.delete_stale(clock() + MAX_QUEUED) == 5
    assert waiting(one, 1)[0].jti == "j5"
    assert len(waiting(two)) == 1


def test_events_of_deleted_stream_are_deleted(events, stream, record, clock):
    one = stream()
    record()
    with events.transaction() as tx:
        tx.streams.delete(one.stream_id)

    with events.transaction() as tx:
        assert tx.queued_events.delete_stale(clock()) == 1
        assert tx.queued_events.newest_id() is None


def test_queue_depth_is_counted_by_method(events, stream, record, clock):
    stream(), stream(), stream(method=DeliveryMethod.POLL, endpoint_url=None)
    record()
    clock.advance(7)
    record()

    with events.reading() as tx:
        found = {depth.method: (depth.waiting, depth.oldest) for depth in tx.queued_events.depths(clock())}
    assert found == {DeliveryMethod.PUSH: (4, 7), DeliveryMethod.POLL: (2, 7)}


def test_parallel_streams_of_client_are_limited(events, clock):
    admin, refused, start = StreamManagement(events, clock), [], threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(4):
            try:
                admin.create("hr", StreamConfiguration())
            except TooManyStreams:
                refused.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admin.list("hr")) == MAX_STREAMS
    assert len(refused) == 16 - MAX_STREAMS


def test_stream_audit_hides_secret(events, clock):
    admin = StreamManagement(events, clock)
    made = admin.create(
        "hr",
        StreamConfiguration(
            DeliveryMethod.PUSH, URL, authorization="Bearer of-a-secret", keep_authorization=False
        ),
    )
    admin.set_status("hr", made.stream_id, StreamStatus.PAUSED, None)
    admin.remove("hr", made.stream_id)

    with events.reading() as tx:
        entries = tx.audit.list_newest(AuditQuery(), 10)
    assert [entry.event for entry in entries] == ["stream_removed", "stream_changed", "stream_created"]
    assert "of-a-secret" not in repr(entries) + repr(made)
