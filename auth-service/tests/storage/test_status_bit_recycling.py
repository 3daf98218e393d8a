"""A bit is freed after the last token with it has expired and every verifier has read it cleared."""

import pytest
from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.sessions.session import EndReason
from auth_service.storage.status_bits import StatusPlan
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.sessions.end_sessions import end_session

ACCESS, MARGIN, QUARANTINE = 300, 60, 3600


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, clock):
    engine = request.getfixturevalue(request.param)._database.engine
    return SqlStore(
        engine,
        clock,
        prune_every=10**9,
        registry=packaged_rows().registry,
        plan=StatusPlan(access_ttl=ACCESS),
    )


@pytest.fixture
def rules(database, make_rules):
    return make_rules(database)


@pytest.fixture
def account(rules):
    return rules.account()


@pytest.fixture
def ended(rules, database, account, clock):
    """Two sessions that have just ended, the later one last."""
    sessions = [rules.open(account)[0] for _ in range(2)]
    for session in sessions:
        with database.transaction() as tx:
            end_session(tx, session.sid, EndReason.LOGGED_OUT, clock())
    return sessions


def set_bits(store):
    with store.reading() as tx:
        return {(number, idx) for number, idx, _ in tx.statuses.changes_since(None).bits}


def test_bit_stays_set_while_token_lives(database, ended, clock):
    clock.advance(ACCESS + MARGIN)
    database.prune(clock())

    assert set_bits(database) == {session.status for session in ended}


def test_bit_is_cleared_after_its_last_token(database, ended, clock):
    with database.reading() as tx:
        before = tx.statuses.changes_since(None)

    clock.advance(ACCESS + MARGIN + 1)
    database.prune(clock())

    with database.reading() as tx:
        found = tx.statuses.changes_since(before.position)
    assert sorted(found.bits) == sorted((*session.status, False) for session in ended)
    assert set_bits(database) == set()


def test_cleared_bit_is_kept_for_an_hour(database, rules, ended, clock):
    clock.advance(ACCESS + MARGIN + 1)
    database.prune(clock())
    clock.advance(QUARANTINE)
    database.prune(clock())

    assert rules.session(ended[0].sid).status == ended[0].status


def test_cleared_bits_are_freed_except_newest(database, rules, account, ended, clock):
    clock.advance(ACCESS + MARGIN + 1)
    database.prune(clock())
    clock.advance(QUARANTINE + 1)
    database.prune(clock())
    kept = [rules.session(session.sid).status for session in ended]

    another, _, _ = rules.open(account)
    with database.transaction() as tx:
        end_session(tx, another.sid, EndReason.LOGGED_OUT, clock())
    database.prune(clock())

    assert kept.count(None) == 1
    assert [rules.session(session.sid).status for session in ended] == [None, None]


def test_expired_session_keeps_bit_for_last_token(database, rules, account, clock):
    session, token, _ = rules.open(account)
    clock.advance(rules.lifetimes.refresh_idle - 1)
    rules.refresh(token, None, None, ())
    clock.advance(rules.lifetimes.refresh_idle + MARGIN)

    database.prune(clock())

    assert rules.session(session.sid).status == session.status


def test_expired_session_frees_its_bit(database, rules, account, clock):
    session, _, _ = rules.open(account)
    clock.advance(rules.lifetimes.refresh_idle + MARGIN + 1)

    database.prune(clock())

    assert rules.session(session.sid).status is None
    assert set_bits(database) == set()


def test_session_without_refresh_frees_bit_early(database, rules, account, clock):
    rules.register("cli", grants=frozenset())
    session, _, _ = rules.open(account)
    assert session.tokens_until == clock() + ACCESS

    clock.advance(ACCESS + MARGIN + 1)
    database.prune(clock())

    assert rules.session(session.sid).status is None


def test_ending_session_without_bit_sets_none(database, rules, account, clock):
    session, _, _ = rules.open(account)
    clock.advance(rules.lifetimes.refresh_idle + MARGIN + 1)
    database.prune(clock())

    with database.transaction() as tx:
        assert end_session(tx, session.sid, EndReason.REVOKED, clock()) is True

    assert set_bits(database) == set()


def test_change_number_is_never_reused(database, rules, account, ended, clock, settled):
    with database.reading() as tx:
        position = tx.statuses.changes_since(None).position
    for seconds in (ACCESS + MARGIN + 1, QUARANTINE + 1):
        clock.advance(seconds)
        database.prune(clock())
        settled(database)
        with database.reading() as tx:
            position = tx.statuses.changes_since(position).position
    another, _, _ = rules.open(account)
    with database.transaction() as tx:
        end_session(tx, another.sid, EndReason.LOGGED_OUT, clock())

    with database.reading() as tx:
        assert tx.statuses.changes_since(position).bits == [(*another.status, True)]


def test_bits_are_cleared_in_batches(database, rules, account, clock):
    for _ in range(150):
        session, _, _ = rules.open(account)
        with database.transaction() as tx:
            end_session(tx, session.sid, EndReason.LOGGED_OUT, clock())
    clock.advance(ACCESS + MARGIN + 1)

    assert [database.prune(clock()) for _ in range(3)] == [100, 50, 0]
