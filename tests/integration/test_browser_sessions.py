"""Browser sessions at the moment of expiry, with several gateways, and without auth-service."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from testkit.browser import Browser
from testkit.cluster import DEMO_PASSWORD, free_ports
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster

LIFETIME = 6  # seconds of an access token: due after 4.5
OWN = {"X-Requested-With": "touchstone"}


@pytest.fixture(scope="module")
def short_lived():
    settings = {"RATE_LIMITS": "off", "ACCESS_TOKEN_TTL": str(LIFETIME)}
    with ForkedCluster(settings) as cluster:
        yield cluster


@pytest.fixture
def logged_in(short_lived):
    """A client without script that has logged in."""
    browser = Browser("alice@example.com", DEMO_PASSWORD)
    found = browser.complete(f"{short_lived.gateway}/bff/login?next=/bff/session").json()
    assert found["authenticated"]
    return browser


def expiry(browser, gateway):
    return browser.get(f"{gateway}/bff/session").json()["expires_at"]


def is_ready(url):
    try:
        return requests.get(f"{url}/readyz", timeout=30).ok
    except requests.ConnectionError:
        return False


def refreshes(cluster):
    return cluster.log("auth-service").count('"path": "/oauth/token"')


def test_fifty_requests_at_expiry_refresh_once(short_lived, logged_in):
    url, cookie = f"{short_lived.gateway}/orders", logged_in.session.cookies["session"]
    before, due = refreshes(short_lived), expiry(logged_in, short_lived.gateway) - LIFETIME / 4
    wait_for(lambda: time.time() > due)

    def call(_):
        return requests.get(url, cookies={"session": cookie}, timeout=30)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(call, range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Set-Cookie"].partition("=")[0] for answer in answers} == {"session"}
    wait_for(lambda: refreshes(short_lived) == before + 1)
    again = {answer.cookies["session"] for answer in answers}
    assert {requests.get(url, cookies={"session": each}, timeout=30).status_code for each in again} == {200}


@pytest.fixture
def another_gateway(short_lived):
    (port,) = free_ports(1)
    environment = short_lived.environment("gateway") | {"GATEWAY_PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway"], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_ready(url))
        yield url
        process.terminate()


def test_two_gateways_get_one_successor(short_lived, logged_in, another_gateway):
    urls = [f"{each}/orders" for each in (short_lived.gateway, another_gateway)]
    due = expiry(logged_in, short_lived.gateway) - LIFETIME / 4  # of the cookie that this may set
    cookie = logged_in.session.cookies["session"]
    wait_for(lambda: time.time() > due)

    def call(number):
        return requests.get(urls[number % 2], cookies={"session": cookie}, timeout=30)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(call, range(20)))
    due += LIFETIME  # of the successors
    wait_for(lambda: time.time() > due)
    one, other = answers[0].cookies["session"], answers[1].cookies["session"]
    crossed = [
        requests.get(url, cookies={"session": each}, timeout=30)
        for url, each in zip(urls, (other, one), strict=True)
    ]

    assert {answer.status_code for answer in [*answers, *crossed]} == {200}


def test_session_outlives_many_access_tokens(short_lived, logged_in):
    first = expiry(logged_in, short_lived.gateway)

    wait_for(lambda: expiry(logged_in, short_lived.gateway) > first + LIFETIME)


def test_gateway_restarted_knows_session(short_lived, logged_in):
    short_lived.stop_service("gateway")
    short_lived.start_service("gateway")

    assert expiry(logged_in, short_lived.gateway)


def test_session_goes_on_without_auth_service(short_lived, logged_in):
    url = short_lived.gateway
    short_lived.stop_service("auth-service")
    try:
        expires = expiry(logged_in, url)
        assert logged_in.get(f"{url}/orders").status_code == 200
        wait_for(lambda: time.time() > expires)
        expired = logged_in.get(f"{url}/orders")
        left = logged_in.session.post(f"{url}/bff/logout", headers=OWN, timeout=30)
    finally:
        short_lived.start_service("auth-service")

    assert (expired.status_code, left.status_code) == (503, 503)
    assert int(expired.headers["Retry-After"]) >= 1
    wait_for(lambda: logged_in.get(f"{url}/orders").status_code == 200)
    assert logged_in.session.post(f"{url}/bff/logout", headers=OWN, timeout=30).status_code == 204
