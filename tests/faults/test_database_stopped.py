"""auth-service without its database: it answers 503, publishes no list that it cannot know, and recovers."""

from urllib.parse import urlsplit

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.database import postgresql_url
from testkit.forked_cluster import ForkedCluster
from testkit.proxy import FaultyProxy
from testkit.user import User

STALE_AFTER_SECONDS = 10  # so long auth-service publishes the last list it has read
LIST = "/status-lists/1"
RECOVERY_SECONDS = 5.0  # from the database's return to the last 503


@pytest.fixture(scope="module")
def proxy():
    """The proxy between auth-service and its database."""
    with FaultyProxy(("127.0.0.1", 9)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxied(proxy):
    """auth-service on a PostgreSQL behind the proxy, and orders-service."""
    with postgresql_url() as url:
        parts, near = urlsplit(url), urlsplit(proxy.url)
        proxy.target = (parts.hostname, parts.port)
        through = parts._replace(netloc=f"{parts.username}:{parts.password}@{near.netloc}").geturl()
        services = ["auth-service", "orders-service"]
        with ForkedCluster(
            {"RATE_LIMITS": "off"}, only={"auth-service": {"DATABASE_URL": through}}, services=services
        ) as cluster:
            yield cluster


@pytest.fixture
def auth(proxied, client_at):
    return client_at(proxied.urls["auth-service"])


@pytest.fixture
def orders(proxied, client_at):
    return client_at(proxied.urls["orders-service"])


@pytest.fixture
def bob(auth):
    return User(auth, "bob@example.com", DEMO_PASSWORD)


@pytest.fixture
def break_database(proxy):
    """`break_database(mode)`: break all connections to the database until the test ends."""

    def set_mode(mode):
        proxy.mode = mode
        proxy.drop()

    yield set_mode
    set_mode("pass")


@pytest.mark.parametrize("mode", ["refuse", "reset", "garbage", "blackhole"])
def test_outage_keeps_tokens_valid_and_recovers(auth, orders, bob, break_database, retry_later, mode):
    token, ended = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert orders("GET", "/orders", token=token).status_code == 200

    break_database(mode)

    assert retry_later(auth("POST", "/login", json=bob.credentials))
    assert retry_later(auth("POST", "/logout", token=ended))
    assert auth("GET", "/readyz").status_code == 503
    assert auth("GET", "/.well-known/jwks.json").status_code == 200
    assert orders("GET", "/orders", token=token).status_code == 200

    break_database("pass")

    wait_for(
        lambda: auth("POST", "/login", json=bob.credentials).status_code == 200,
        what="a log-in",
        timeout=RECOVERY_SECONDS,
    )
    assert auth("POST", "/logout", token=ended).status_code == 204
    wait_for(lambda: orders("GET", "/orders", token=ended).status_code == 401, what="the end of the session")
    assert orders("GET", "/orders", token=token).status_code == 200


def test_unknown_list_is_503_and_last_one_counts(auth, orders, bob, break_database, problem, retry_later):
    token, revoked = bob.log_in()["access_token"], bob.log_in()["access_token"]
    assert auth("POST", "/logout", token=revoked).status_code == 204
    wait_for(
        lambda: orders("GET", "/orders", token=revoked).status_code == 401, what="the end of the session"
    )

    break_database("refuse")

    wait_for(lambda: auth("GET", LIST).status_code == 503, what="a 503", timeout=2 * STALE_AFTER_SECONDS)
    unknown = auth("GET", LIST)
    assert problem(unknown) == (503, "status_unconfirmed")
    assert retry_later(unknown)
    assert orders("GET", "/orders", token=token).status_code == 200
    assert problem(orders("GET", "/orders", token=revoked)) == (401, "revoked_token")

    break_database("pass")

    wait_for(lambda: auth("GET", LIST).status_code == 200, what="the list", timeout=RECOVERY_SECONDS)
