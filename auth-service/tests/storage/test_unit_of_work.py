"""One suite for every implementation of the domain's store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from auth_service.domain.oauth.client_metadata import parse_client
from auth_service.domain.oauth.errors import InvalidGrant
from auth_service.domain.oauth.refresh_token import RefreshToken
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.use_cases.sessions.end_sessions import end_all_sessions, end_session

NOW = 1_800_000_000.25


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


@pytest.fixture
def alice(rules):
    return rules.account("alice@example.com")


@pytest.fixture
def session(store, alice):
    made = Session(
        sid="a-session",
        sub=alice.sub,
        client_id="cli",
        scopes=frozenset({"orders:read", "profile:read"}),
        audiences=("orders-service", "users-service"),
        methods=("pwd",),
        auth_time=NOW,
        expires_at=NOW + 1000,
    )
    with store.transaction() as tx:
        return tx.sessions.add(made)


def row(session, token, **changes):
    return replace(RefreshToken(digest_of(token), session.sid, NOW + 100, NOW + 1000), **changes)


SHOP = parse_client("shop", {"name": "Shop", "confidential": True, "scopes": ["orders:read"]})


def test_account_is_read_as_stored(store, alice):
    with store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com") == alice
        assert tx.accounts.get(alice.sub) == alice
    with store.transaction() as tx:
        assert tx.accounts.get_for_update(alice.sub) == alice


def test_duplicate_email_is_not_stored(store, alice):
    with store.transaction() as tx:
        assert tx.accounts.add(replace(alice, sub="another", name="Mallory")) is False
    with store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com") == alice
        assert tx.accounts.get("another") is None


def test_missing_records_are_none(store):
    with store.transaction() as tx:
        assert tx.accounts.find_by_email("unknown@example.com") is None
        assert tx.accounts.get("unknown") is None
        assert tx.accounts.get_for_update("unknown") is None
        assert tx.sessions.get("none") is None
        assert tx.refresh_tokens.find_by_digest(b"none") is None


def test_account_changes_are_stored(store, alice):
    with store.transaction() as tx:
        tx.accounts.set_password_hash(alice.sub, "v2:other")
        tx.accounts.set_disabled(alice.sub, NOW)
        assert tx.accounts.get_for_update(alice.sub) == replace(
            alice, password_hash="v2:other", disabled_at=NOW
        )
        tx.accounts.set_disabled(alice.sub, None)
    with store.reading() as tx:
        assert not tx.accounts.get(alice.sub).disabled


def test_failed_transaction_changes_nothing(store, alice):
    def change_and_fail():
        with store.transaction() as tx:
            tx.accounts.set_disabled(alice.sub, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()

    with store.reading() as tx:
        assert tx.accounts.get(alice.sub) == alice


def test_session_is_read_as_stored(store, session):
    with store.reading() as tx:
        assert tx.sessions.get("a-session") == session


def test_session_keeps_first_end_reason(store, session):
    with store.transaction() as tx:
        assert end_session(tx, session.sid, EndReason.LOGGED_OUT, NOW + 1) is True
        assert end_session(tx, session.sid, EndReason.REVOKED, NOW + 2) is False
        assert end_session(tx, "no such", EndReason.REVOKED, NOW + 2) is False
    with store.reading() as tx:
        assert tx.sessions.get(session.sid) == replace(session, ended_at=NOW + 1, end_reason="logged_out")


def test_active_sessions_come_oldest_first(store, alice, session):
    older = replace(session, sid="older", auth_time=NOW - 5, client_id="console")
    over = replace(session, sid="over", expires_at=NOW)
    ended = replace(session, sid="ended")
    with store.transaction() as tx:
        for each in (older, over, ended):
            tx.sessions.add(each)
        end_session(tx, "ended", EndReason.LOGGED_OUT, NOW)
    with store.reading() as tx:
        assert [each.sid for each in tx.sessions.list_active(alice.sub, NOW)] == ["older", "a-session"]
        assert [each.sid for each in tx.sessions.list_active_of_client("cli", NOW)] == ["a-session"]


def test_all_sessions_of_account_but_one_end(store, alice, rules, session):
    bobs, _, _ = rules.open(rules.account("bob@example.com"))
    with store.transaction() as tx:
        tx.sessions.add(replace(session, sid="b-session"))
        assert end_all_sessions(tx, alice.sub, EndReason.PASSWORD_CHANGED, NOW, but="b-session") == [
            "a-session"
        ]
    assert rules.session("b-session").ended_at is None
    assert rules.session(bobs.sid).ended_at is None


def test_refresh_token_is_found_by_digest(store, session):
    with store.transaction() as tx:
        tx.refresh_tokens.add(row(session, "one"))
    with store.reading() as tx:
        found = tx.refresh_tokens.find_by_digest(digest_of("one"))
    assert found.token == row(session, "one")
    assert found.successor_used is False


def test_refresh_token_is_replaced_once(store, session):
    with store.transaction() as tx:
        tx.refresh_tokens.add(row(session, "one"))
        assert tx.refresh_tokens.replace(digest_of("one"), row(session, "two"), b"sealed", NOW) is True
        assert tx.refresh_tokens.replace(digest_of("one"), row(session, "three"), b"other", NOW) is False
    with store.reading() as tx:
        one, two = (
            tx.refresh_tokens.find_by_digest(digest_of("one")),
            tx.refresh_tokens.find_by_digest(digest_of("two")),
        )
        assert tx.refresh_tokens.find_by_digest(digest_of("three")) is None
    assert one.token == row(session, "one", used_at=NOW, successor=digest_of("two"), sealed=b"sealed")
    assert (one.successor_used, two.token) == (False, row(session, "two"))


def test_used_successor_is_reported(store, session):
    with store.transaction() as tx:
        tx.refresh_tokens.add(row(session, "one"))
        tx.refresh_tokens.replace(digest_of("one"), row(session, "two"), b"sealed", NOW)
        tx.refresh_tokens.replace(digest_of("two"), row(session, "three"), b"sealed", NOW)
    with store.reading() as tx:
        assert tx.refresh_tokens.find_by_digest(digest_of("one")).successor_used is True
        assert tx.refresh_tokens.find_by_digest(digest_of("two")).successor_used is False


def test_token_of_ended_session_is_kept(store, session):
    with store.transaction() as tx:
        tx.refresh_tokens.add(row(session, "one"))
        end_session(tx, session.sid, EndReason.LOGGED_OUT, NOW)
        assert tx.refresh_tokens.replace(digest_of("one"), row(session, "two"), b"sealed", NOW) is False


def test_assertion_is_remembered_per_client(store):
    with store.transaction() as tx:
        assert tx.used_assertions.add("orders-service", "jti", NOW) is True
        assert tx.used_assertions.add("introspector", "jti", NOW + 1) is True
        assert tx.used_assertions.add("orders-service", "jti", NOW + 2) is False


def at_once(count, work):
    """Run `work(number)` in `count` threads that start together, and return each result or InvalidGrant."""
    start = Barrier(count)

    def run(number):
        start.wait(20)
        try:
            return work(number)
        except InvalidGrant as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_parallel_refreshes_get_one_successor(database, make_rules):
    rules = make_rules(database)
    session, token, _ = rules.open(rules.account())

    answers = at_once(50, lambda _: rules.refresh(token, None, None, ()))

    assert [answer for answer in answers if isinstance(answer, InvalidGrant)] == []
    assert len({answer.refresh_token for answer in answers}) == 1
    assert len({answer.access_token for answer in answers}) == 50
    assert rules.refresh(answers[0].refresh_token, None, None, ()).refresh_token
    assert rules.session(session.sid).ended_at is None


@pytest.mark.parametrize("rounds", [200])
def test_refresh_racing_logout_leaves_no_session(database, make_rules, rounds):
    rules = make_rules(database)
    account = rules.account()
    for _ in range(rounds):
        session, token, _ = rules.open(account)

        def log_out(session=session):
            with database.transaction() as tx:
                return end_session(tx, session.sid, EndReason.LOGGED_OUT, NOW)

        def refresh(token=token):
            return rules.refresh(token, None, None, ())

        answers = at_once(4, lambda n, log_out=log_out, refresh=refresh: refresh() if n else log_out())

        assert rules.session(session.sid).ended_at is not None
        for given in {token, *(a.refresh_token for a in answers[1:] if not isinstance(a, InvalidGrant))}:
            with pytest.raises(InvalidGrant):
                rules.refresh(given, None, None, ())


def test_parallel_accounts_share_no_email(database, make_rules):
    template = make_rules(database).account("template@example.com")

    def add(number):
        with database.transaction() as tx:
            return tx.accounts.add(replace(template, sub=f"sub-{number}", email="same@example.com"))

    assert sum(at_once(20, add)) == 1


def test_assertion_is_used_once_in_parallel(database):
    def remember(_):
        with database.transaction() as tx:
            return tx.used_assertions.add("orders-service", "jti", NOW)

    assert sum(at_once(20, remember)) == 1


def test_pruning_removes_expired_rows_alone(database, make_rules, clock):
    rules = make_rules(database)
    account = rules.account()
    old, old_token, _ = rules.open(account)
    with database.transaction() as tx:
        tx.used_assertions.add("orders-service", "old", clock() + 60)
    clock.advance(30 * 86_400 + 3601)
    young, young_token, _ = rules.open(account)

    removed = database.prune(clock())

    assert removed == 3
    with database.reading() as tx:
        assert tx.sessions.get(old.sid) is None
        assert tx.refresh_tokens.find_by_digest(digest_of(old_token)) is None
        assert tx.sessions.get(young.sid) == young
        assert tx.refresh_tokens.find_by_digest(digest_of(young_token)) is not None
    assert database.prune(clock()) == 0


def test_pruning_takes_bounded_batches(database, make_rules, clock):
    with database.transaction() as tx:
        for number in range(150):
            tx.used_assertions.add("orders-service", f"{number}", clock() - 1)

    assert [database.prune(clock()) for _ in range(3)] == [100, 50, 0]


def test_writing_prunes_expired_rows(database, clock):
    with database.transaction() as tx:
        tx.used_assertions.add("orders-service", "old", clock() - 1)
    for number in range(70):
        with database.transaction() as tx:
            tx.used_assertions.add("orders-service", f"{number}", clock() + 60)

    assert database.prune(clock()) == 0


def test_migrated_tables_match_metadata(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from auth_service.storage.security_events.tables import Base  # with its own tables

    with database._database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_joining_reads_outer_writes(store):
    with store.transaction() as tx:
        tx.clients.add(SHOP, NOW)
        with store.joining() as inner:
            assert inner.clients.get("shop") == SHOP
    with store.joining() as alone:
        assert alone.clients.get("shop") == SHOP


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
