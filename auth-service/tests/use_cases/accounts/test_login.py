"""Registering and logging in: the work done tells nobody which accounts exist."""

import uuid
from dataclasses import replace

import pytest
from auth_service.domain.accounts.errors import BadCredentials, TooBusy
from auth_service.domain.oauth.errors import InvalidClient, InvalidScope, InvalidTarget
from auth_service.use_cases.accounts.demo_accounts import DEMO_ACCOUNTS, DemoAccounts
from auth_service.use_cases.accounts.email_verification import SendVerification
from auth_service.use_cases.accounts.login import Login
from auth_service.use_cases.accounts.registration import Registration

from ...fakes.outbox import FakeOutbox


@pytest.fixture
def register(rules):
    send_verification = SendVerification(FakeOutbox(), "http://localhost:8080", rules.clock)
    return Registration(rules.store, rules.hasher, rules.clock, send_verification)


@pytest.fixture
def log_in(rules):
    use_case = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer)

    def call(email="alice@example.com", password="password", client="cli", scopes=None, audiences=()):
        return use_case(email, password, client, scopes, audiences)

    return call


@pytest.fixture
def alice(rules):
    return rules.account("alice@example.com")


def test_a_log_in_opens_a_session_and_says_so_in_the_token(rules, alice, log_in, clock):
    answer = log_in()

    claims = rules.signer.claims[answer.access_token]
    session = rules.session(claims.pop("sid"))
    assert claims.pop("jti")
    assert claims == {
        "iss": "http://localhost:8080",
        "sub": alice.sub,
        "aud": ["auth-service", "orders-service", "users-service"],
        "exp": clock() + 300,
        "iat": clock(),
        "auth_time": clock(),
        "client_id": "cli",
        "scope": "orders:read orders:write profile:read profile:write",
        "roles": ["customer"],
        "status": {"status_list": {"idx": session.status.idx, "uri": "http://localhost:8080/status-lists/1"}},
    }
    assert (session.sub, session.client_id, session.methods) == (alice.sub, "cli", ("pwd",))
    assert answer.expires_in == 300
    assert answer.refresh_token


def test_the_address_may_be_written_in_any_case(alice, log_in):
    assert log_in("ALICE@example.com").access_token


def test_an_admin_gets_the_scopes_of_an_admin(rules, log_in):
    rules.account("admin@example.com", roles=frozenset({"admin"}))

    assert {"admin", "users:read"} <= set(log_in("admin@example.com").scope.split())


FAILURES = {
    "an unknown address": ("nobody@example.com", "password"),
    "no address at all": ("nobody", "password"),
    "a wrong password": ("alice@example.com", "wrong"),
    "a disabled account": ("carol@example.com", "password"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_answers_alike_and_does_the_same_work(rules, alice, log_in, failure):
    rules.account("carol@example.com", disabled_at=1.0)

    with pytest.raises(BadCredentials) as refused:
        log_in(*FAILURES[failure])

    assert str(refused.value) == "the email address or the password is wrong"
    assert rules.hasher.work == ["verify"]
    assert rules.store.rows["sessions"] == {}


def test_a_good_log_in_does_the_same_work_too(rules, alice, log_in):
    log_in()

    assert rules.hasher.work == ["verify"]


def test_a_hash_of_yesterdays_cost_is_made_anew_at_log_in(rules, alice, log_in):
    rules.hasher.version = 2

    log_in()

    with rules.store.reading() as tx:
        assert tx.accounts.get(alice.sub).password_hash == "v2:password"


@pytest.mark.parametrize("change", [{"password_hash": "v1:new"}, {"disabled_at": 5.0}])
def test_a_change_of_the_account_during_the_hash_wins(rules, alice, log_in, change):
    def meanwhile():
        rules.store.rows["accounts"][alice.sub] = replace(alice, **change)

    rules.hasher.meanwhile = meanwhile

    with pytest.raises(BadCredentials):
        log_in()
    assert rules.store.rows["sessions"] == {}


def test_a_busy_hasher_is_passed_on(rules, alice, log_in):
    rules.hasher.busy = True

    with pytest.raises(TooBusy):
        log_in()


@pytest.mark.parametrize("client", ["nobody", "orders-service", "introspector", ""])
def test_only_a_first_party_public_client_logs_people_in(alice, log_in, client):
    with pytest.raises(InvalidClient):
        log_in(client=client)


def test_a_disabled_client_logs_nobody_in(rules, alice, log_in):
    rules.register("cli", enabled=False)

    with pytest.raises(InvalidClient):
        log_in()


def test_a_client_that_may_not_refresh_gets_no_refresh_token(rules, alice, log_in):
    rules.register("cli", grants=frozenset())

    assert log_in().refresh_token is None


def test_scope_and_audience_narrow_the_whole_session(rules, alice, log_in):
    answer = log_in(scopes=frozenset({"orders:read"}), audiences=("orders-service",))

    claims = rules.signer.claims[answer.access_token]
    assert (claims["aud"], claims["scope"]) == ("orders-service", "orders:read")
    again = rules.refresh(answer.refresh_token, None, None, ())
    assert rules.signer.claims[again.access_token]["aud"] == "orders-service"
    with pytest.raises(InvalidScope):
        rules.refresh(again.refresh_token, None, frozenset({"profile:read"}), ())


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"scopes": frozenset({"admin"})}, InvalidScope),
        ({"scopes": frozenset({"no such"})}, InvalidScope),
        ({"audiences": ("nobody",)}, InvalidTarget),
        ({"audiences": ("",)}, InvalidTarget),
    ],
)
def test_nobody_gets_more_than_account_and_client_may_have(alice, log_in, asked, refused):
    with pytest.raises(refused):
        log_in(**asked)


def test_a_new_account_is_a_customer_under_the_normalised_address(rules, register, log_in):
    sub = register("New@Example.com", "password", " New ")

    with rules.store.reading() as tx:
        account = tx.accounts.find_by_email("new@example.com")
    assert (account.sub, account.name, account.roles) == (sub, "New", {"customer"})
    assert log_in("new@example.com").access_token


def test_an_address_that_has_an_account_gets_the_same_answer_for_the_same_work(rules, alice, register):
    fresh = register("fresh@example.com", "password", "F")
    work = list(rules.hasher.work)
    taken = register("alice@example.com", "password", "F")

    assert work == ["hash"]
    assert rules.hasher.work == work * 2
    assert uuid.UUID(fresh).version == uuid.UUID(taken).version == 4
    assert taken != alice.sub
    with rules.store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com") == alice
        assert tx.accounts.get(taken) is None


def test_seeding_twice_adds_nothing_the_second_time(rules, log_in):
    seed = DemoAccounts(rules.store, rules.hasher, rules.clock)

    assert [seed(DEMO_ACCOUNTS, "password") for _ in range(2)] == [3, 0]
    assert "admin" in log_in("admin@example.com").scope.split()
    with rules.store.reading() as tx:
        assert tx.accounts.find_by_email("alice@example.com").email_verified_at is not None


def test_a_password_never_shows_in_what_is_printed(alice):
    assert "v1:password" not in repr(alice)
