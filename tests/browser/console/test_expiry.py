"""The silent refresh: three tabs and fifty requests at the moment at which the token is due."""

import time

import pytest
from playwright.sync_api import expect
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster

LIFETIME = 10  # seconds of an access token: due after 7.5
FETCH = """async (count) => {
  const path = ["/orders", "/users/me", "/account/sessions", "/bff/session"];
  const ask = async (_, n) => (await fetch(path[n % path.length])).status;
  return [...new Set(await Promise.all(Array.from({length: count}, ask)))];
}"""


@pytest.fixture(scope="module")
def short_lived():
    with ForkedCluster({"RATE_LIMITS": "off", "ACCESS_TOKEN_TTL": str(LIFETIME)}) as cluster:
        yield cluster


def expiry(page):
    return page.evaluate(
        "fetch('/bff/session').then((answer) => answer.json()).then((found) => found.expires_at)"
    )


def grants(cluster):
    return cluster.log("auth-service").count('"path": "/oauth/token"')


def test_tabs_at_expiry_cause_one_refresh(short_lived, open_page, log_in):
    page = open_page()
    page.goto(f"{short_lived.gateway}/bff/login?next=/%23shop")
    log_in(page)
    expect(page.get_by_role("heading", name="My orders")).to_be_visible()
    tabs = [page, *(page.context.new_page() for _ in range(2))]
    for tab in tabs[1:]:
        tab.goto(page.url)
        expect(tab.get_by_role("heading", name="My orders")).to_be_visible()
    first = expiry(page)
    due = first - LIFETIME / 4
    before = grants(short_lived)
    wait_for(lambda: time.time() > due)

    for tab in tabs:
        tab.evaluate(f"window.found = ({FETCH})(50)")
    statuses = [tab.evaluate("window.found") for tab in tabs]

    assert statuses == [[200]] * 3
    assert expiry(page) > first
    assert grants(short_lived) == before + 1
