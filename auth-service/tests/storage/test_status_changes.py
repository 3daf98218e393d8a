"""A reader of status changes gets every change that was committed, and no other."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.sessions.status_bits import Bit, ReadPosition
from auth_service.storage.notifications import CHANNEL, notify
from auth_service.use_cases.sessions.end_sessions import end_all_sessions, end_session, end_sessions_of_client
from sqlalchemy import text

MANY = 2000


@pytest.fixture
def rules(database, make_rules):
    return make_rules(database)


@pytest.fixture
def account(rules):
    return rules.account()


@pytest.fixture
def opened(rules, account):
    return [rules.open(account)[0] for _ in range(3)]


def end(tx, session, clock):
    return end_session(tx, session.sid, EndReason.LOGGED_OUT, clock())


def changes(store, since=None):
    with store.reading() as tx:
        return tx.statuses.changes_since(since)


def bits(found):
    return {(number, idx) for number, idx, _ in found.bits}


def test_ended_session_sets_only_its_bit(database, opened, clock):
    with database.transaction() as tx:
        end(tx, opened[1], clock)

    assert changes(database).bits == [Bit(*opened[1].status, revoked=True)]


def test_reader_gets_changes_since_position(database, opened, clock, settled):
    with database.transaction() as tx:
        end(tx, opened[0], clock)
    settled(database)
    first = changes(database)
    with database.transaction() as tx:
        end(tx, opened[1], clock)
    settled(database)

    second = changes(database, first.position)
    third = changes(database, second.position)

    assert (first.complete, bits(first)) == (True, {opened[0].status})
    assert (second.complete, bits(second)) == (False, {opened[1].status})
    assert (third.complete, bits(third)) == (False, set())
    assert third.lists == {1: 2**20}


def test_session_ended_twice_sets_one_bit(database, opened, clock, settled):
    with database.transaction() as tx:
        end(tx, opened[0], clock)
    settled(database)
    before = changes(database)
    with database.transaction() as tx:
        assert end(tx, opened[0], clock) is False

    assert changes(database, before.position).bits == []


def test_failed_transaction_sets_no_bit(database, opened, clock):
    before = changes(database)

    def end_and_fail():
        with database.transaction() as tx:
            end(tx, opened[0], clock)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        end_and_fail()

    assert changes(database).bits == []
    assert changes(database, before.position).bits == []


def test_uncommitted_bit_is_not_read(database, opened, clock):
    with database.transaction() as tx:
        end(tx, opened[0], clock)
        assert changes(database).bits == []


def test_late_commit_is_not_missed(postgresql, make_rules, clock, settled):
    rules = make_rules(postgresql)
    account = rules.account()
    early, late = rules.open(account)[0], rules.open(account)[0]
    before = changes(postgresql)

    with postgresql.transaction() as first:
        end(first, late, clock)
        with postgresql.transaction() as second:
            end(second, early, clock)
        between = changes(postgresql, before.position)
    settled(postgresql)
    after = changes(postgresql, between.position)

    assert bits(between) == {early.status}
    assert late.status in bits(after)
    assert bits(changes(postgresql, after.position)) == set()


def test_reader_beside_writers_sees_all_bits(database, rules, account, clock):
    sessions = [rules.open(account)[0] for _ in range(60)]
    done, seen = Event(), {}

    def read():
        position, last = None, False
        while not last:
            last = done.is_set()
            found = changes(database, position)
            position = found.position
            seen.update({(number, idx): revoked for number, idx, revoked in found.bits})

    def write(session):
        with database.transaction() as tx:
            end(tx, session, clock)
            if int(session.status.idx) % 5 == 0:
                raise RuntimeError

    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, session) for session in sessions]
        failed = [
            session.status for session, writer in zip(sessions, writers, strict=True) if writer.exception()
        ]
        done.set()
        reader.result(60)

    assert seen == {session.status: True for session in sessions if session.status not in failed}
    assert bits(changes(database)) == set(seen)


def test_late_reader_reads_everything(database, opened, clock):
    with database.transaction() as tx:
        end(tx, opened[0], clock)
    position = changes(database).position

    clock.advance(1799)
    assert changes(database, position).complete is False
    clock.advance(2)
    again = changes(database, position)

    assert (again.complete, bits(again)) == (True, {opened[0].status})


def test_restored_database_is_read_whole(database, opened, clock):
    with database.transaction() as tx:
        end(tx, opened[0], clock)

    found = changes(database, ReadPosition(10**15, clock()))

    assert (found.complete, bits(found)) == (True, {opened[0].status})


@pytest.fixture
def many_sessions(database, account, rules, clock):
    """Two thousand sessions of one account; one of them is returned."""
    session, _, _ = rules.open(account)
    copied = (
        "INSERT INTO sessions (sid, sub, client_id, scopes, audiences, methods, auth_time, expires_at,"
        " status_list, status_index) SELECT sid || :n, sub, client_id, scopes, audiences, methods, auth_time + :n,"
        " expires_at, 1, (status_index + :n) % 1048576 FROM sessions WHERE sid = :sid"
    )
    with database._database.begin() as db:
        rows = [{"n": number, "sid": session.sid} for number in range(1, MANY)]
        if db.get_bind().dialect.name == "postgresql":
            copied = copied.replace(":n", "CAST(:n AS integer)")
        db.execute(text(copied), rows)
    return session


def test_2000_sessions_end_in_one_transaction(database, account, many_sessions, clock):
    before = changes(database)

    with database.transaction() as tx:
        ended = end_all_sessions(tx, account.sub, EndReason.LOGGED_OUT_EVERYWHERE, clock())
        assert changes(database, before.position).bits == []

    assert len(ended) == MANY
    assert len(bits(changes(database, before.position))) == MANY


def test_2000_sessions_end_all_or_none(database, account, many_sessions, clock):
    def end_and_fail():
        with database.transaction() as tx:
            end_all_sessions(tx, account.sub, EndReason.LOGGED_OUT_EVERYWHERE, clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        end_and_fail()

    assert changes(database).bits == []


def test_parallel_ends_of_sessions_count_once(database, rules, clock):
    accounts = [rules.account() for _ in range(4)]
    for account in accounts:
        for _ in range(10):
            rules.open(account)

    def end_some(number):
        with database.transaction() as tx:
            if number % 2:
                return end_sessions_of_client(tx, "cli", clock())
            return end_all_sessions(tx, accounts[number // 2].sub, EndReason.REVOKED, clock())

    with ThreadPoolExecutor(8) as pool:
        ended = [sid for some in pool.map(end_some, range(8)) for sid in some]

    with database.reading() as tx:
        lines = tx.audit.list_newest(AuditQuery(event="session_ended"), 1000)
    assert (len(ended), len(set(ended)), len(lines)) == (40, 40, 40)
    assert len(bits(changes(database))) == 40


@pytest.fixture
def received(postgresql):
    """`received()`: the number of notifications since the last call."""
    url = postgresql._database.engine.url.set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        def count():
            listener.execute("SELECT 1")  # earlier notifications arrive with its answer
            return len(list(listener.notifies(timeout=0)))

        yield count


def test_set_bit_is_announced_on_commit(postgresql, make_rules, clock, received):
    rules = make_rules(postgresql)
    sessions = [rules.open(rules.account())[0] for _ in range(2)]
    received()

    with postgresql.transaction() as tx:
        for session in sessions:
            end(tx, session, clock)
        assert received() == 0

    assert received() == 1


def test_unchanged_bits_are_not_announced(postgresql, make_rules, clock, received):
    rules = make_rules(postgresql)
    session, token, _ = rules.open(rules.account())
    received()

    rules.refresh(token, None, None, ())
    with contextlib.suppress(RuntimeError), postgresql.transaction() as tx:
        end(tx, session, clock)
        raise RuntimeError

    assert received() == 0


def test_new_list_is_announced(postgresql, make_rules, received):
    rules = make_rules(postgresql)

    rules.open(rules.account())

    assert received() == 1


def test_cleared_bits_are_announced(postgresql, make_rules, clock, received):
    rules = make_rules(postgresql)
    session, _, _ = rules.open(rules.account())
    with postgresql.transaction() as tx:
        end(tx, session, clock)
    received()

    clock.advance(400)
    postgresql.prune(clock())
    postgresql.prune(clock())

    assert received() == 1


def test_failed_announcement_is_logged(postgresql, capsys):
    engine = postgresql._database.engine
    elsewhere = engine.dialect.create_connect_args(engine.url.set(port=1))[1]
    engine.dispose()
    engine.pool._creator = lambda *_: psycopg.connect(**elsewhere, connect_timeout=1)

    notify(engine)

    assert "could not be announced" in capsys.readouterr().out
