"""The mint runs and its database does not answer: it says so, publishes no bits that it cannot know, and recovers."""

from urllib.parse import urlsplit

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.database import postgresql_url
from testkit.forked_cluster import ForkedCluster
from testkit.proxy import FaultyProxy
from testkit.user import User

UNKNOWN_AFTER = 10  # seconds for which the mint answers with the bits that it saw last
LIST = "/status-lists/1"
PROMISED = 5.0  # seconds from the database's return to the end of all 503


@pytest.fixture(scope="module")
def proxy():
    """What stands between the mint and its database."""
    with FaultyProxy(("127.0.0.1", 9)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cluster_without_database(proxy):
    """A mint on a PostgreSQL that can be taken from it, and a service that follows it."""
    with postgresql_url() as url:
        parts, near = urlsplit(url), urlsplit(proxy.url)
        proxy.target = (parts.hostname, parts.port)
        through = parts._replace(netloc=f"{parts.username}:{parts.password}@{near.netloc}").geturl()
        services = ["auth-service", "orders-service"]
        with ForkedCluster(
            {"RATE_LIMITS": "off"}, only={"auth-service": {"DATABASE_URL": through}}, services=services
        ) as cluster_without_database:
            yield cluster_without_database


@pytest.fixture
def auth(cluster_without_database, client_at):
    return client_at(cluster_without_database.urls["auth-service"])


@pytest.fixture
def orders(cluster_without_database, client_at):
    return client_at(cluster_without_database.urls["orders-service"])


@pytest.fixture
def bob(auth):
    return User(auth, "bob@example.com", DEMO_PASSWORD)


@pytest.fixture
def take_away(proxy):
    """`take_away(mode)`: the database is not there any more; it comes back with the test's end."""

    def take_away(mode):
        proxy.mode = mode
        proxy.drop()

    yield take_away
    take_away("pass")


def works(auth, bob):
    """Tell whether the mint logs people in."""
    return auth("POST", "/login", json={"email": bob.email, "password": bob.password}).status_code == 200


@pytest.mark.parametrize("mode", ["refuse", "reset", "garbage", "blackhole"])
def test_outage_keeps_tokens_valid_and_recovers(auth, orders, bob, take_away, retry_later, mode):
    token, ended = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert orders("GET", "/orders", token=token).status_code == 200

    take_away(mode)

    assert retry_later(auth("POST", "/login", json={"email": bob.email, "password": bob.password}))
    assert retry_later(auth("POST", "/logout", token=ended))
    assert auth("GET", "/readyz").status_code == 503
    assert auth("GET", "/.well-known/jwks.json").status_code == 200
    assert orders("GET", "/orders", token=token).status_code == 200

    take_away("pass")

    wait_for(lambda: works(auth, bob), what="a log-in", timeout=PROMISED)
    assert auth("POST", "/logout", token=ended).status_code == 204
    wait_for(lambda: orders("GET", "/orders", token=ended).status_code == 401, what="the end of the session")
    assert orders("GET", "/orders", token=token).status_code == 200


def test_unknown_list_is_503_and_last_one_counts(auth, orders, bob, take_away, problem, retry_later):
    token, revoked = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert auth("POST", "/logout", token=revoked).status_code == 204
    wait_for(
        lambda: orders("GET", "/orders", token=revoked).status_code == 401, what="the end of the session"
    )

    take_away("refuse")

    wait_for(lambda: auth("GET", LIST).status_code == 503, what="doubt", timeout=2 * UNKNOWN_AFTER)
    unknown = auth("GET", LIST)
    assert problem(unknown) == (503, "status_unconfirmed")
    assert retry_later(unknown)
    assert orders("GET", "/orders", token=token).status_code == 200
    assert problem(orders("GET", "/orders", token=revoked)) == (401, "revoked_token")

    take_away("pass")

    wait_for(lambda: auth("GET", LIST).status_code == 200, what="the list", timeout=PROMISED)
