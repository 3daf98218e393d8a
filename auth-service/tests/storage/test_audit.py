"""The audit log, clients and device codes in every implementation of the store."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from auth_service.domain.audit_log import AuditEvent, AuditQuery, EventType
from auth_service.domain.oauth.client_metadata import parse_client
from auth_service.domain.oauth.device_code import DeviceCode, DeviceStatus
from auth_service.domain.oauth.errors import AuthorizationPending, InvalidClient, InvalidGrant, SlowDown
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.request_context import RequestOrigin, with_origin
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from auth_service.use_cases.sessions.end_sessions import end_all_sessions, end_session, end_sessions_of_client
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

NOW = 1_800_000_000.0


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


def at_once(count, work):
    start = Barrier(count)

    def run(number):
        start.wait(20)
        try:
            return work(number)
        except (AuthorizationPending, InvalidGrant, InvalidClient, SlowDown) as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


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
    assert (entry.event, entry.at, entry.address, entry.request_id) == (
        EVENT,
        NOW,
        "203.0.113.7",
        "a-request",
    )


def test_event_without_actor_names_operator(store):
    with with_origin(RequestOrigin(operator="operator:me")), store.transaction() as tx:
        tx.audit.record(replace(EVENT, actor=None))
        tx.audit.record(EVENT)

    assert [entry.event.actor for entry in entries(store)] == ["an-admin", "operator:me"]


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

    ended = [entry.event for entry in reversed(entries(store, event="session_ended"))]
    assert [(e.session_id, e.client_id, e.subject, e.actor, e.detail["reason"]) for e in ended] == [
        (one.sid, "cli", account.sub, "cli", "revoked"),
        (other.sid, "console", account.sub, "me", "account_disabled"),
    ]


SHOP = parse_client("shop", {"name": "Shop", "confidential": True, "scopes": ["orders:read"]})


def test_client_is_read_as_registered(store):
    kept = replace(SHOP, secret_hash="0" * 64)
    with store.transaction() as tx:
        assert tx.clients.add(kept, NOW) is True
        assert tx.clients.add(SHOP, NOW) is False
    with store.reading() as tx:
        assert tx.clients.get("shop") == kept
        assert tx.clients.get("none") is None
        assert tx.clients.list_all() == [kept]


def test_client_is_changed_disabled_enabled(store):
    with store.transaction() as tx:
        tx.clients.add(SHOP, NOW)
        tx.clients.replace(replace(SHOP, name="Other", secret_hash="1" * 64))
        assert tx.clients.get_for_update("shop") == replace(SHOP, name="Other", secret_hash="1" * 64)
        assert tx.clients.lock_enabled("shop") is True
        tx.clients.set_disabled("shop", NOW)
        assert tx.clients.lock_enabled("shop") is False
        assert tx.clients.get("shop").enabled is False
        tx.clients.set_disabled("shop", None)
        assert tx.clients.get("shop").enabled is True
        assert tx.clients.lock_enabled("no client of the database") is True


def test_client_with_invalid_data_is_absent(database):
    with database._database.begin() as db:
        db.execute(
            text("""INSERT INTO registered_clients VALUES ('old', '{"scopes": ["gone"]}', NULL, NULL, 1)""")
        )
    with database.reading() as tx:
        assert tx.clients.get("old") is None
        assert tx.clients.list_all() == []


def test_joining_reads_outer_writes(store):
    with store.transaction() as tx:
        tx.clients.add(SHOP, NOW)
        with store.joining() as inner:
            assert inner.clients.get("shop") == SHOP
    with store.joining() as alone:
        assert alone.clients.get("shop") == SHOP


@pytest.mark.parametrize("rounds", [10])
def test_login_racing_client_disable_leaves_no_session(database, make_rules, rounds):
    rules = make_rules(database)
    account = rules.account()
    for round_number in range(rounds):
        client = rules.register(f"app{round_number}", grants=frozenset({"refresh_token"}))
        client = replace(client, audiences=frozenset({"users-service"}), scopes=frozenset({"profile:read"}))
        rules.clients._clients[client.client_id] = client
        with database.transaction() as tx:
            tx.clients.add(client, NOW)

        def work(number, client_id=client.client_id):
            if number:
                return rules.open(account, client_id)
            with database.transaction() as tx:
                tx.clients.get_for_update(client_id)
                tx.clients.set_disabled(client_id, NOW)
                return end_sessions_of_client(tx, client_id, NOW)

        at_once(4, work)

        with database.reading() as tx:
            assert tx.sessions.list_active_of_client(client.client_id, NOW) == []


CODE = DeviceCode(
    digest_of("device"),
    digest_of("user"),
    "cli",
    frozenset({"orders:read", "profile:read"}),
    ("orders-service", "users-service"),
    expires_at=NOW + 600,
    next_poll_at=NOW,
)


def test_device_code_is_read_as_stored(store):
    with store.transaction() as tx:
        assert tx.device_codes.add(CODE) is True
        assert tx.device_codes.add(replace(CODE, digest=digest_of("other"))) is False
        assert tx.device_codes.get_for_update(CODE.digest) == CODE
    with store.reading() as tx:
        assert tx.device_codes.find_by_digest(CODE.digest) == CODE
        assert tx.device_codes.find_by_user_code(CODE.user_code_digest) == CODE
        assert tx.device_codes.find_by_digest(b"none") is None
        assert tx.device_codes.find_by_user_code(b"none") is None


def test_device_code_changes_state_once(store, rules):
    sub = rules.account().sub
    with store.transaction() as tx:
        tx.device_codes.add(CODE)
        assert tx.device_codes.mark_used(CODE.digest) is False
        assert tx.device_codes.approve(CODE.digest, sub, ("pwd",), NOW) is True
        assert tx.device_codes.deny(CODE.digest, sub) is False
        assert tx.device_codes.mark_used(CODE.digest) is True
        assert tx.device_codes.mark_used(CODE.digest) is False
        tx.device_codes.set_next_poll(CODE.digest, NOW + 10)
    with store.reading() as tx:
        assert tx.device_codes.find_by_digest(CODE.digest) == replace(
            CODE,
            status=DeviceStatus.USED,
            sub=sub,
            methods=("pwd",),
            auth_time=NOW,
            next_poll_at=NOW + 10,
        )


def test_parallel_polls_open_one_session(database, make_rules):
    rules = make_rules(database)
    account = rules.account()
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
        tx.device_codes.approve(CODE.digest, account.sub, ("pwd",), NOW)
    grant = DeviceCodeGrant(database, rules.token_issuer)

    answers = at_once(20, lambda _: grant(rules.client("cli"), "device"))

    assert len([answer for answer in answers if not isinstance(answer, Exception)]) == 1
    with database.reading() as tx:
        assert len(tx.sessions.list_active(account.sub, NOW)) == 1


def test_parallel_pending_polls_slow_down(database, make_rules):
    rules = make_rules(database)
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
    grant = DeviceCodeGrant(database, rules.token_issuer)

    answers = at_once(8, lambda _: grant(rules.client("cli"), "device"))

    assert Counter(type(answer) for answer in answers) == {AuthorizationPending: 1, SlowDown: 7}


def test_device_code_past_polling_is_pruned(database, clock):
    with database.transaction() as tx:
        tx.device_codes.add(CODE)
    clock.advance(601)
    assert database.prune(clock()) == 0
    clock.advance(600)
    assert database.prune(clock()) == 1


def test_accounts_and_sessions_are_paged(store, rules):
    accounts = sorted((rules.account() for _ in range(3)), key=lambda account: account.sub)
    sessions = sorted(rules.open(accounts[0])[0].sid for _ in range(3))
    other = rules.open(accounts[1])[0].sid
    with store.transaction() as tx:
        assert tx.accounts.list_page(None, 2) == accounts[:2]
        assert tx.accounts.list_page(accounts[1].sub, 2) == accounts[2:]
        listed = tx.sessions.list_page(accounts[0].sub, None, 2, NOW)
        listed += tx.sessions.list_page(accounts[0].sub, listed[-1].sid, 2, NOW)
        assert sorted(session.sid for session in listed) == sessions
        assert len(tx.sessions.list_page(None, None, 10, NOW)) == 4
        end_session(tx, other, EndReason.REVOKED, NOW)
        assert len(tx.sessions.list_page(None, None, 10, NOW)) == 3
        tx.accounts.set_roles(accounts[0].sub, frozenset({"admin", "customer"}))
        assert tx.accounts.get(accounts[0].sub).roles == {"admin", "customer"}
