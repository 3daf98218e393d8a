"""Throttling of log-ins: what is slowed, for how long, and never the owner at a known place."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from auth_service.domain.accounts.errors import BadCredentials, SlowedDown
from auth_service.domain.accounts.failed_logins import FORGET_AFTER_SECONDS, KNOWN_PLACE_SECONDS
from auth_service.domain.request_context import RequestOrigin, network_of, with_origin
from auth_service.use_cases.accounts.login import Login, RequestedAccess
from auth_service.use_cases.accounts.login_throttle import LoginThrottle, ThrottleLimits
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

HOME, ELSEWHERE, AWAY = "203.0.113.7", "198.51.100.1", "192.0.2.55"


class World:
    def __init__(self, rules, limits=None):
        self.rules, self.clock = rules, rules.clock
        self.throttle = LoginThrottle(rules.clock, limits or ThrottleLimits())
        self._log_in = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer, self.throttle)

    def log_in(self, email, password="password", address=ELSEWHERE):
        with with_origin(RequestOrigin(address)):
            return self._log_in(email, password, RequestedAccess("cli"))

    def fail(self, email, times=1, address=ELSEWHERE):
        """Fail this often, waiting when required; return the waits."""
        waits = []
        for _ in range(times):
            try:
                with pytest.raises(BadCredentials):
                    self.log_in(email, "wrong", address)
            except SlowedDown as wait:
                waits.append(wait.retry_after)
                self.clock.advance(wait.retry_after)
                with pytest.raises(BadCredentials):
                    self.log_in(email, "wrong", address)
        return waits


@pytest.fixture
def world(database, make_rules):
    return World(make_rules(database))


@pytest.fixture
def local(sqlite, make_rules):
    return World(make_rules(sqlite))


def test_ten_failures_are_free_then_waits_double(world):
    account = world.rules.account()

    waits = world.fail(account.email, 18)

    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_wait_is_checked_before_any_hash(local):
    account = local.rules.account()
    local.fail(account.email, 11)
    local.rules.hasher.work.clear()

    with pytest.raises(SlowedDown) as wait:
        local.log_in(account.email)

    assert wait.value.retry_after == 1
    assert local.rules.hasher.work == []


def test_unknown_account_is_counted_alike(world):
    assert world.fail("unknown@example.com", 13) == world.fail(world.rules.account().email, 13)


@pytest.mark.parametrize("typed", ["no address", "", "NO ADDRESS "])
def test_invalid_address_is_counted(local, typed):
    assert local.fail("another", 12)

    assert local.fail(typed, 10) == []


def test_login_after_wait_clears_failures(local):
    account = local.rules.account()
    local.fail(account.email, 12)
    local.clock.advance(30)

    local.log_in(account.email)

    assert local.fail(account.email, 10) == []


def test_failures_are_forgotten_after_15_minutes(world):
    account = world.rules.account()
    world.fail(account.email, 12)
    world.clock.advance(FORGET_AFTER_SECONDS + 1)

    assert world.fail(account.email, 10) == []


def test_known_place_is_not_slowed_by_others(world):
    account = world.rules.account()
    world.log_in(account.email, address=HOME)
    world.fail(account.email, 20)

    for _ in range(3):
        assert world.log_in(account.email, address=HOME)
    with pytest.raises(SlowedDown):
        world.log_in(account.email, address=AWAY)


def test_login_at_home_helps_no_guesser_elsewhere(local):
    account = local.rules.account()
    local.log_in(account.email, address=HOME)
    local.fail(account.email, 15)

    local.log_in(account.email, address=HOME)

    with pytest.raises(SlowedDown):
        local.log_in(account.email, address=ELSEWHERE)


def test_known_place_counts_own_failures(local):
    account = local.rules.account()
    local.log_in(account.email, address=HOME)

    assert local.fail(account.email, 13, address=HOME) == [1, 2]
    assert local.fail(account.email, 10, address=ELSEWHERE) == []


def test_known_place_belongs_to_one_account(local):
    account, other = local.rules.account(), local.rules.account()
    local.log_in(account.email, address=HOME)
    local.fail(other.email, 11, address=ELSEWHERE)

    with pytest.raises(SlowedDown):
        local.log_in(other.email, address=HOME)


def test_address_with_many_accounts_is_slowed_alone(world):
    owner = world.rules.account()
    for number in range(51):
        world.fail(f"someone-else-{number}@example.com")

    with pytest.raises(SlowedDown):
        world.log_in(owner.email, address=ELSEWHERE)
    assert world.log_in(owner.email, address=AWAY)


def test_address_failures_survive_success(local):
    own = local.rules.account()
    for number in range(50):
        local.fail(f"someone-else-{number}@example.com")
    local.log_in(own.email)

    local.fail("someone-else@example.com")

    with pytest.raises(SlowedDown):
        local.log_in("another@example.com", "wrong")


def test_slowed_address_spares_known_places(local):
    account = local.rules.account()
    local.log_in(account.email, address=HOME)
    for number in range(51):
        local.fail(f"someone-else-{number}@example.com", address=HOME)

    assert local.log_in(account.email, address=HOME)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", None])
def test_loopback_address_is_not_counted(local, address):
    for number in range(60):
        local.fail(f"someone-{number}@example.com", address=address)

    assert local.log_in(local.rules.account().email, address=address)


def test_concurrent_failures_are_all_counted(world):
    account = world.rules.account()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _count(world, account), range(12)))

    with pytest.raises(SlowedDown):
        world.log_in(account.email)


def _count(world, account):
    with with_origin(RequestOrigin(ELSEWHERE)):
        with world.rules.store.reading() as tx:
            try:
                attempt = world.throttle.admit(tx, account.email)
            except SlowedDown:
                return
        with world.rules.store.transaction() as tx:
            world.throttle.failed(tx, attempt)


def test_old_failures_and_places_are_deleted(world):
    account = world.rules.account()
    world.log_in(account.email, address=HOME)
    world.fail("unknown@example.com", 3)

    def kept():
        with world.rules.store._database.read() as db:
            return db.execute(text("select count(*) from slow_downs")).scalar()

    world.clock.advance(FORGET_AFTER_SECONDS + 1)
    world.rules.store.prune(world.clock())
    assert kept() == 1
    world.clock.advance(KNOWN_PLACE_SECONDS)
    world.rules.store.prune(world.clock())
    assert kept() == 0


def test_counts_name_no_account_and_no_address(local):
    account = local.rules.account()
    local.log_in(account.email, address=HOME)
    local.fail(account.email, 2)

    with local.rules.store._database.read() as db:
        kept = repr(db.execute(text("select * from slow_downs")).all())

    assert account.email not in kept
    assert HOME not in kept


@given(failures=st.integers(0, 10**9), free=st.integers(0, 1000))
def test_wait_is_bounded_and_never_shrinks(failures, free):
    limits = ThrottleLimits()

    assert 0 <= limits.wait(failures, free) <= 30
    assert limits.wait(failures, free) <= limits.wait(failures + 1, free)
    assert (limits.wait(failures, free) == 0) == (failures <= free)


@given(st.text(max_size=50))
def test_any_text_has_a_network_or_none(address):
    assert isinstance(network_of(address), str)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", ""),
    ],
)
def test_ipv6_network_counts_as_one_address(address, network):
    assert network_of(address) == network


# over HTTP


def post(client, password, address="203.0.113.7"):
    body = {"email": "alice@example.com", "password": password}
    return client.post("/login", json=body, headers={"X-Forwarded-For": address})


def test_http_throttle_answers_429_with_retry_after(client, clock):
    codes = [post(client, "wrong").status_code for _ in range(12)]
    answer = post(client, "wrong")

    assert codes == [401] * 11 + [429]
    assert answer.headers["Retry-After"] == "1"
    assert answer.get_json()["type"] == "urn:touchstone:problem:slowed_down"
    clock.advance(1)
    assert post(client, "wrong").status_code == 401


def test_page_throttle_shows_the_wait(client, clock):
    """Both pages with a log-in form show the wait; the form works again after it."""
    query = {"response_type": "code", "client_id": "cli", "redirect_uri": "http://127.0.0.1/callback"}
    query |= {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    for path, query_string in (("/oauth/authorize", query), ("/oauth/device", {})):
        page = client.get(path, query_string=query_string)
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
        form = {name: unescape(value) for name, value in hidden}
        form |= {"email": f"{path}@example.com", "password": "wrong"}
        codes = [client.post(path, data=form).status_code for _ in range(12)]
        answer = client.post(path, data=form)

        assert codes == [403] * 11 + [429]
        assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (429, "text/html", "1")
        assert "Please try again in 1 second<" in answer.text
        assert "Content-Security-Policy" in answer.headers
        assert client.get(path, query_string=query_string).status_code == 200
        clock.advance(1)
        assert client.post(path, data=form).status_code == 403


def test_http_magic_link_is_never_throttled(client, outbox):
    for _ in range(15):
        post(client, "wrong")
    client.post("/magic-links", json={"email": "alice@example.com"})

    assert client.post("/magic-links/redeem", json={"token": outbox.token}).status_code == 200


def test_throttle_off_slows_no_login(make_app):
    client = make_app(rate_limits=False).test_client()

    assert {post(client, "wrong").status_code for _ in range(20)} == {401}
