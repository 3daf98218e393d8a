"""Every session and client gets a bit of its own, also under concurrency."""

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.sessions.status_bits import StatusRef, client_indexes, session_indexes
from auth_service.storage.status_bits import StatusPlan
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.sessions.end_sessions import end_client_tokens, end_session
from sqlalchemy import text
from testkit.forked_cluster import start_process

SIZE = 64
SESSIONS = len(session_indexes(SIZE))


@pytest.fixture
def small(database, clock):
    """The same database, with lists of 64 bits."""
    return SqlStore(
        database._database.engine,
        clock,
        prune_every=10**9,
        registry=packaged_rows().registry,
        plan=StatusPlan(SIZE),
    )


@pytest.fixture
def rules(small, make_rules):
    return make_rules(small)


@pytest.fixture
def account(rules):
    return rules.account()


def statuses(rules, account, count):
    return [rules.open(account)[0].status for _ in range(count)]


def at_once(count, work):
    start = Barrier(count)

    def run(number):
        start.wait(20)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_new_session_gets_first_list_bit(rules, account):
    session, _, _ = rules.open(account)

    assert (session.status.number, session.status.idx in range(SIZE)) == (1, True)
    assert rules.session(session.sid) == session


def test_list_size_default_is_2_to_20(database):
    with database.transaction() as tx:
        tx.statuses.add_first_list()
        tx.statuses.add_first_list()
        assert tx.statuses.changes_since(None).lists == {1: 2**20}


def test_full_list_opens_next(rules, account):
    given = statuses(rules, account, 2 * SESSIONS + 1)

    assert Counter(ref.number for ref in given) == {1: SESSIONS, 2: SESSIONS, 3: 1}
    assert {ref.idx for ref in given if ref.number == 1} == set(session_indexes(SIZE))
    with rules.store.reading() as tx:
        assert tx.statuses.changes_since(None).lists == {1: SIZE, 2: SIZE, 3: SIZE}


def test_bits_are_chosen_at_random(rules, account):
    given = statuses(rules, account, 20)

    assert [ref.idx for ref in given] != sorted(ref.idx for ref in given)


def test_threads_get_distinct_bits(rules, account):
    def open_some(_):
        return statuses(rules, account, 4)

    given = [ref for some in at_once(50, open_some) for ref in some]

    assert len(set(given)) == 200
    assert {ref.number for ref in given} >= {1, 2, 3, 4}


def test_processes_get_distinct_bits(small, account, tmp_path):
    url = small._database.engine.url.render_as_string(hide_password=False)
    facts = {"url": url, "sub": account.sub, "count": 60, "size": SIZE, "processes": 4}

    command = [sys.executable, "-m", "opener", json.dumps(facts)]
    output, errors = tmp_path / "output", tmp_path / "errors"
    code = start_process(command, dict(os.environ), Path(__file__).parent, output, errors).wait(300)

    assert code == 0, errors.read_text()
    given = [tuple(json.loads(line)) for line in output.read_text().splitlines()]
    assert (len(given), len(set(given))) == (240, 240)


def test_failed_transaction_takes_no_bit(rules, account):
    statuses(rules, account, SESSIONS)

    def open_and_fail():
        with rules.store.transaction() as tx:
            grant = Grant(frozenset({"orders:read"}), ("orders-service",))
            rules.token_issuer.open_session(tx, account, rules.client(), grant, methods=("pwd",))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        open_and_fail()

    with rules.store.reading() as tx:
        assert tx.statuses.changes_since(None).lists == {1: SIZE}
    assert statuses(rules, account, 1)[0].number == 2


def test_full_list_is_read_again_in_a_minute(rules, account, small, clock):
    given = statuses(rules, account, SESSIONS + 1)
    with small.reading() as tx:
        gone = next(each for each in tx.sessions.list_active(account.sub, clock()) if each.status == given[7])
    forget(small, gone.sid)

    assert statuses(rules, account, 1)[0].number == 2
    clock.advance(61)

    assert statuses(rules, account, 1) == [given[7]]


def forget(store, sid):
    with store._database.begin() as db:
        db.execute(text("DELETE FROM refresh_tokens WHERE sid = :sid"), {"sid": sid})
        db.execute(text("DELETE FROM sessions WHERE sid = :sid"), {"sid": sid})


def test_set_bit_of_deleted_session_is_taken(rules, account, small, clock):
    statuses(rules, account, SESSIONS)
    with small.transaction() as tx:
        gone = tx.sessions.list_active(account.sub, clock())[0]
        end_session(tx, gone.sid, EndReason.LOGGED_OUT, clock())
    forget(small, gone.sid)

    assert statuses(rules, account, 1)[0].number == 2


@pytest.fixture
def old(rules, account):
    """A session from before the migration that added bits."""
    session, token, _ = rules.open(account)
    with rules.store._database.begin() as db:
        db.execute(text("UPDATE sessions SET status_list = NULL, status_index = NULL, tokens_until = NULL"))
    return session, token


def status_of(rules, answer):
    return rules.signer.claims[answer.access_token].get("status", {}).get("status_list")


def test_old_session_gets_bit_on_refresh(rules, old, clock):
    answer = rules.refresh(old[1], None, None, ())

    session = rules.session(old[0].sid)
    assert status_of(rules, answer)["idx"] == session.status.idx
    assert session.tokens_until == clock() + rules.lifetimes.refresh_idle


def test_parallel_refreshes_give_session_one_bit(rules, old):
    answers = at_once(20, lambda _: rules.refresh(old[1], None, None, ()))

    assert {status_of(rules, answer)["idx"] for answer in answers} == {rules.session(old[0].sid).status.idx}


def test_parallel_sessions_get_distinct_bits(rules, account, small):
    opened = [rules.open(account) for _ in range(30)]
    with small._database.begin() as db:
        db.execute(text("UPDATE sessions SET status_list = NULL, status_index = NULL"))

    at_once(30, lambda number: rules.refresh(opened[number][1], None, None, ()))

    assert len({rules.session(each[0].sid).status for each in opened}) == 30


def test_missing_session_gets_no_bit(small):
    with small.transaction() as tx:
        assert tx.statuses.assign_to_session("no such session") is None


def test_older_session_without_bit_ends(rules, old, clock):
    with rules.store.transaction() as tx:
        assert end_session(tx, old[0].sid, EndReason.LOGGED_OUT, clock()) is True
        assert tx.statuses.changes_since(None).bits == []


def status_of_client(store, client_id):
    with store.transaction() as tx:
        return tx.statuses.get_or_assign_to_client(client_id)


def test_client_keeps_its_bit(small):
    with small.reading() as tx:
        assert tx.statuses.find_by_client("a") is None

    given = [status_of_client(small, "a") for _ in range(3)]

    assert given == [StatusRef(1, SIZE - 1)] * 3
    with small.reading() as tx:
        assert tx.statuses.find_by_client("a") == given[0]


def test_sessions_and_clients_share_no_index():
    for size in range(SIZE, 2**20 + 1, 8):
        sessions, clients = session_indexes(size), client_indexes(size)
        assert (sessions.start, sessions.stop, clients.stop) == (0, clients.start, size)
        assert len(clients) >= 1


def test_clients_and_sessions_get_distinct_bits(rules, account, small):
    def take(number):
        return [status_of_client(small, f"client-{number}"), *statuses(rules, account, 4)]

    given = [ref for some in at_once(8, take) for ref in some]

    assert len(set(given)) == 40


def test_parallel_requests_give_client_one_bit(small):
    given = at_once(8, lambda _: status_of_client(small, "a"))

    assert len(set(given)) == 1


def test_client_gets_no_bit_of_older_session(rules, account, small):
    """Before clients had bits, sessions chose among all of them."""
    session, _, _ = rules.open(account)
    with small._database.begin() as db:
        db.execute(text("UPDATE sessions SET status_index = :last"), {"last": SIZE - 1})

    assert status_of_client(small, "a") == StatusRef(2, SIZE - 1)
    assert rules.session(session.sid).status == StatusRef(1, SIZE - 1)


def test_revoked_client_gets_new_bit(small, clock):
    old = status_of_client(small, "a")
    with small.transaction() as tx:
        assert end_client_tokens(tx, "a", EndReason.CLIENT_DISABLED, clock()) is True
        assert end_client_tokens(tx, "a", EndReason.CLIENT_DISABLED, clock()) is False

    new = status_of_client(small, "a")

    assert new != old
    with small.reading() as tx:
        assert [(bit.number, bit.idx, bit.revoked) for bit in tx.statuses.changes_since(None).bits] == [
            (*old, True)
        ]


def test_bit_of_revoked_client_is_freed_later(small, clock):
    """The bit stays taken while a token with it can live, and while a verifier can hold it as set."""
    old = status_of_client(small, "a")
    for bit in (old, status_of_client(small, "b")):  # the newest change is kept
        with small.transaction() as tx:
            end_client_tokens(tx, "a" if bit == old else "b", EndReason.CLIENT_DISABLED, clock())
        clock.advance(1)
    assert status_of_client(small, "c").number == 3

    clock.advance(361)
    small.prune(clock())
    assert status_of_client(small, "d").number == 4
    clock.advance(3601)
    small.prune(clock())

    assert status_of_client(small, "e") == old


def test_failed_transaction_gives_client_no_bit(small):
    def take_and_fail():
        with small.transaction() as tx:
            tx.statuses.get_or_assign_to_client("a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        take_and_fail()

    with small.reading() as tx:
        assert tx.statuses.find_by_client("a") is None
