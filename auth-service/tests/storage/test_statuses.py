"""Which bit a session gets: one that no other has, whoever else asks for one at the same moment."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from auth_service.domain.grants import Grant
from auth_service.domain.sessions import EndReason, end_session
from auth_service.storage.statuses import StatusPlan
from auth_service.storage.store import SqlStore
from sqlalchemy import text

SIZE = 64
OPENER = Path(__file__).with_name("opener.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def small(database, clock):
    """The same database, with lists of 64 bits."""
    return SqlStore(database._database.engine, clock, prune_every=10**9, plan=StatusPlan(SIZE))


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


def test_a_new_session_has_a_bit_of_the_first_list(rules, account):
    session, _, _ = rules.open(account)

    assert (session.status.number, session.status.idx in range(SIZE)) == (1, True)
    assert rules.session(session.sid) == session


def test_lists_are_of_two_to_the_twenty_if_nothing_else_is_said(database):
    with database.transaction() as tx:
        tx.statuses.settle()
        tx.statuses.settle()
        assert tx.statuses.changes(None).lists == {1: 2**20}


def test_a_list_is_used_to_its_last_bit_before_the_next_is_opened(rules, account):
    given = statuses(rules, account, 2 * SIZE + 1)

    assert Counter(ref.number for ref in given) == {1: SIZE, 2: SIZE, 3: 1}
    assert {ref.idx for ref in given if ref.number == 1} == set(range(SIZE))
    with rules.store.reading() as tx:
        assert tx.statuses.changes(None).lists == {1: SIZE, 2: SIZE, 3: SIZE}


def test_a_bit_is_chosen_by_chance(rules, account):
    given = statuses(rules, account, 20)

    assert [ref.idx for ref in given] != sorted(ref.idx for ref in given)


def test_fifty_threads_never_get_the_same_bit(rules, account):
    def open_some(_):
        return statuses(rules, account, 4)

    given = [ref for some in at_once(50, open_some) for ref in some]

    assert len(set(given)) == 200
    assert {ref.number for ref in given} >= {1, 2, 3, 4}


def test_four_processes_never_get_the_same_bit(small, account):
    url = small._database.engine.url.render_as_string(hide_password=False)
    facts = {"url": url, "sub": account.sub, "count": 60, "size": SIZE}
    running = []
    for number in range(4):
        process = subprocess.Popen(
            [sys.executable, str(OPENER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        process.stdin.write(json.dumps(facts | {"name": str(number)}))
        process.stdin.close()
        running.append(process)

    given = []
    for process in running:
        with process:
            given += [tuple(json.loads(line)) for line in process.stdout]

    assert [process.returncode for process in running] == [0] * 4
    assert (len(given), len(set(given))) == (240, 240)


def test_a_transaction_that_raises_takes_no_bit_and_opens_no_list(rules, account):
    statuses(rules, account, SIZE)

    def open_and_fail():
        with rules.store.transaction() as tx:
            grant = Grant(frozenset(), ())
            rules.issuing.open_session(tx, account, rules.client(), grant, methods=("pwd",))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        open_and_fail()

    with rules.store.reading() as tx:
        assert tx.statuses.changes(None).lists == {1: SIZE}
    assert statuses(rules, account, 1)[0].number == 2


def test_a_list_found_full_is_looked_at_again_a_minute_later(rules, account, small, clock):
    given = statuses(rules, account, SIZE + 1)
    with small.reading() as tx:
        gone = next(each for each in tx.sessions.living(account.sub, clock()) if each.status == given[7])
    forget(small, gone.sid)

    assert statuses(rules, account, 1)[0].number == 2
    clock.advance(61)

    assert statuses(rules, account, 1) == [given[7]]


def forget(store, sid):
    with store._database.begin() as db:
        db.execute(text("DELETE FROM refresh_tokens WHERE sid = :sid"), {"sid": sid})
        db.execute(text("DELETE FROM sessions WHERE sid = :sid"), {"sid": sid})


def test_a_bit_that_is_set_is_taken_though_its_session_is_forgotten(rules, account, small, clock):
    statuses(rules, account, SIZE)
    with small.transaction() as tx:
        gone = tx.sessions.living(account.sub, clock())[0]
        end_session(tx, gone.sid, EndReason.LOGGED_OUT, clock())
    forget(small, gone.sid)

    assert statuses(rules, account, 1)[0].number == 2


@pytest.fixture
def old(rules, account):
    """A session from before there were bits."""
    session, token, _ = rules.open(account)
    with rules.store._database.begin() as db:
        db.execute(text("UPDATE sessions SET status_list = NULL, status_index = NULL, tokens_until = NULL"))
    return session, token


def status_of(rules, answer):
    return rules.signer.claims[answer.access_token].get("status", {}).get("status_list")


def test_an_older_session_gets_its_bit_when_it_is_refreshed(rules, old, clock):
    answer = rules.refresh(old[1], None, None, ())

    session = rules.session(old[0].sid)
    assert status_of(rules, answer)["idx"] == session.status.idx
    assert session.tokens_until == clock() + rules.lifetimes.refresh_idle


def test_an_older_session_refreshed_many_times_at_once_gets_one_bit(rules, old):
    answers = at_once(20, lambda _: rules.refresh(old[1], None, None, ()))

    assert {status_of(rules, answer)["idx"] for answer in answers} == {rules.session(old[0].sid).status.idx}


def test_older_sessions_refreshed_at_once_get_a_bit_each(rules, account, small):
    opened = [rules.open(account) for _ in range(30)]
    with small._database.begin() as db:
        db.execute(text("UPDATE sessions SET status_list = NULL, status_index = NULL"))

    at_once(30, lambda number: rules.refresh(opened[number][1], None, None, ()))

    assert len({rules.session(each[0].sid).status for each in opened}) == 30


def test_an_older_session_that_is_not_there_gets_no_bit(small):
    with small.transaction() as tx:
        assert tx.statuses.assign("no such session") is None


def test_an_older_session_ends_though_it_has_no_bit(rules, old, clock):
    with rules.store.transaction() as tx:
        assert end_session(tx, old[0].sid, EndReason.LOGGED_OUT, clock()) is True
        assert tx.statuses.changes(None).bits == []
