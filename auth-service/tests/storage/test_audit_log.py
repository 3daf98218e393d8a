"""The audit log, clients and device codes in every implementation of the store."""

from dataclasses import asdict, replace

import pytest
from auth_service.domain.audit_log import AuditEvent, AuditQuery, EventType
from auth_service.domain.request_context import RequestOrigin, with_origin
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.sessions.end_sessions import end_all_sessions, end_session
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

NOW = 1_800_000_000.0


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


def entries(store, limit=100, **query):
    with store.reading() as tx:
        return tx.audit.list_newest(AuditQuery(**query), limit)


EVENT = AuditEvent(
    EventType.ACCOUNT_DISABLED,
    actor="an-admin",
    subject="alice",
    client_id="cli",
    session_id="a-session",
    detail={"why": ["a", 1, None]},
)


def test_recorded_event_has_time_and_origin(store):
    with with_origin(RequestOrigin("203.0.113.7", "a-request")), store.transaction() as tx:
        tx.audit.record(EVENT)

    (entry,) = entries(store)
    origin = {"address": "203.0.113.7", "request_id": "a-request"}
    assert asdict(entry) == asdict(EVENT) | {"id": entry.id, "at": NOW} | origin


def test_event_without_actor_names_operator(store):
    with with_origin(RequestOrigin(operator="operator:me")), store.transaction() as tx:
        tx.audit.record(replace(EVENT, actor=None))
        tx.audit.record(EVENT)

    assert [entry.actor for entry in entries(store)] == ["an-admin", "operator:me"]


def test_rolled_back_event_is_not_recorded(store):
    def record_and_fail():
        with store.transaction() as tx:
            tx.audit.record(EVENT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        record_and_fail()

    assert entries(store) == []


def test_entries_are_newest_first_and_filtered(store, clock):
    for event in (EventType.LOGGED_IN, EventType.SESSION_OPENED, EventType.LOGGED_IN):
        with store.transaction() as tx:
            tx.audit.record(AuditEvent(event))
        clock.advance(10)

    first, second, third = reversed(entries(store))
    assert first.id < second.id < third.id
    assert entries(store, event="logged_in") == [third, first]
    assert entries(store, before=third.id) == [second, first]
    assert entries(store, limit=1) == [third]
    assert entries(store, event="no such") == []


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET outcome = 'ok'", "DELETE FROM audit_events"])
def test_audit_log_change_is_refused(database, statement):
    with database.transaction() as tx:
        tx.audit.record(EVENT)

    with pytest.raises(DatabaseError, match="append-only"), database._database.begin() as db:
        db.execute(text(statement))

    assert len(entries(database)) == 1


def test_audit_log_truncate_is_refused(postgresql):
    with pytest.raises(DatabaseError, match="append-only"), postgresql._database.begin() as db:
        db.execute(text("TRUNCATE audit_events"))


def test_session_end_is_recorded_once(store, rules):
    account = rules.account()
    one, other = rules.open(account)[0], rules.open(account, "console")[0]
    with store.transaction() as tx:
        assert end_session(tx, one.sid, EndReason.REVOKED, NOW, by="cli") is True
        assert end_session(tx, one.sid, EndReason.LOGGED_OUT, NOW) is False
        assert end_session(tx, "none", EndReason.LOGGED_OUT, NOW) is False
        assert end_all_sessions(tx, account.sub, EndReason.ACCOUNT_DISABLED, NOW, by="me") == [other.sid]

    ended = reversed(entries(store, event="session_ended"))
    assert [(e.session_id, e.client_id, e.subject, e.actor, e.detail["reason"]) for e in ended] == [
        (one.sid, "cli", account.sub, "cli", "revoked"),
        (other.sid, "console", account.sub, "me", "account_disabled"),
    ]
