"""The mint runs and its database does not answer: it says so, publishes no bits that it cannot know, and recovers."""

from urllib.parse import urlsplit

import pytest
from testkit.callers import Person
from testkit.cluster import DEMO_PASSWORD
from testkit.preloaded import Cluster
from testkit.proxy import FaultyProxy
from testkit.stand_ins import postgresql_url

UNKNOWN_AFTER = 10  # seconds for which the mint answers with the bits that it saw last
LIST = "/status-lists/1"
PROMISED = 5.0  # seconds from the database's return to the end of all 503


@pytest.fixture(scope="module")
def way():
    """What stands between the mint and its database."""
    with FaultyProxy(("127.0.0.1", 9)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def shop(way):
    """A mint on a PostgreSQL that can be taken from it, and a service that follows it."""
    with postgresql_url() as url:
        parts, near = urlsplit(url), urlsplit(way.url)
        way.target = (parts.hostname, parts.port)
        through = parts._replace(netloc=f"{parts.username}:{parts.password}@{near.netloc}").geturl()
        services = ["auth-service", "orders-service"]
        with Cluster(
            {"RATE_LIMITS": "off"}, only={"auth-service": {"DATABASE_URL": through}}, services=services
        ) as shop:
            yield shop


@pytest.fixture
def mint(shop, door):
    return door(shop.urls["auth-service"])


@pytest.fixture
def orders(shop, door):
    return door(shop.urls["orders-service"])


@pytest.fixture
def bob(mint):
    return Person(mint, "bob@example.com", DEMO_PASSWORD)


@pytest.fixture
def take_away(way):
    """`take_away(mode)`: the database is not there any more; it comes back with the test's end."""

    def take_away(mode):
        way.mode = mode
        way.drop()

    yield take_away
    take_away("pass")


def works(mint, bob):
    """Tell whether the mint logs people in."""
    return mint("POST", "/login", json={"email": bob.email, "password": bob.password}).status_code == 200


@pytest.mark.parametrize("mode", ["refuse", "reset", "garbage", "blackhole"])
def test_tokens_go_on_log_ins_are_told_to_come_back_and_all_is_well_within_seconds(
    mint, orders, bob, take_away, comes_back, until, mode
):
    token, ended = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert orders("GET", "/orders", token=token).status_code == 200

    take_away(mode)

    assert comes_back(mint("POST", "/login", json={"email": bob.email, "password": bob.password}))
    assert comes_back(mint("POST", "/logout", token=ended))
    assert mint("GET", "/readyz").status_code == 503
    assert mint("GET", "/.well-known/jwks.json").status_code == 200
    assert orders("GET", "/orders", token=token).status_code == 200

    take_away("pass")

    until(lambda: works(mint, bob), hope="a log-in", within=PROMISED)
    assert mint("POST", "/logout", token=ended).status_code == 204
    until(lambda: orders("GET", "/orders", token=ended).status_code == 401, hope="the end of the session")
    assert orders("GET", "/orders", token=token).status_code == 200


def test_a_list_that_the_mint_cannot_know_any_more_is_not_confirmed_and_the_last_one_goes_on(
    mint, orders, bob, take_away, problem, comes_back, until
):
    token, revoked = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert mint("POST", "/logout", token=revoked).status_code == 204
    until(lambda: orders("GET", "/orders", token=revoked).status_code == 401, hope="the end of the session")

    take_away("refuse")

    until(lambda: mint("GET", LIST).status_code == 503, hope="doubt", within=2 * UNKNOWN_AFTER)
    unknown = mint("GET", LIST)
    assert problem(unknown) == (503, "status_unconfirmed")
    assert comes_back(unknown)
    assert orders("GET", "/orders", token=token).status_code == 200
    assert problem(orders("GET", "/orders", token=revoked)) == (401, "revoked_token")

    take_away("pass")

    until(lambda: mint("GET", LIST).status_code == 200, hope="the list", within=PROMISED)
