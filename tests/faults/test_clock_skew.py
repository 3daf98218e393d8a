"""Clocks that differ: 30 s are tolerated, in tokens and in lists; 61 s are not."""

import pytest
from testkit.concurrency import wait_for

GOOD, REVOKED = 1, 2
LIFE = 300


@pytest.fixture
def api(issuer):
    api = issuer.api()
    wait_for(lambda: api(issuer.token(GOOD)).status_code == 200)
    return api


@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (-30, 200), (-61, 401)])
def test_new_token_with_skewed_clock(issuer, api, ahead, status):
    token = issuer.token(GOOD, life=LIFE)

    issuer.clock.advance(ahead)

    assert api(token).status_code == status


@pytest.mark.parametrize(("ahead", "status"), [(29, 200), (-30, 200), (61, 401)])
def test_expiring_token_with_skewed_clock(issuer, api, ahead, status):
    token = issuer.token(GOOD, life=LIFE)

    issuer.clock.advance(LIFE + ahead)

    assert api(token).status_code == status


@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (-30, 200), (-61, 401)])
def test_not_before_token_with_skewed_clock(issuer, api, ahead, status):
    token = issuer.token(GOOD, life=LIFE, nbf=int(issuer.clock()), iat=int(issuer.clock()) - 61)

    issuer.clock.advance(ahead)

    assert api(token).status_code == status


# (claim of the list, seconds from the verifier's now, status of a good token)
LISTS = [
    ("iat", 30, 200),
    ("iat", 61, 503),
    ("exp", -29, 200),
    ("exp", -61, 503),
]


@pytest.mark.parametrize(("claim", "seconds", "status"), LISTS)
def test_status_list_with_skewed_clock(issuer, claim, seconds, status):
    now = int(issuer.clock())
    times = {"iat": now - 3600, "exp": now + 3600} | {claim: now + seconds}
    issuer.server.publish_list(**times)

    assert issuer.api()(issuer.token(GOOD)).status_code == status


def test_list_from_future_replaces_nothing(issuer, api, problem):
    wait_for(lambda: issuer.server.requests["/status-lists/1"] >= 2, what="a long poll")
    tomorrow = int(issuer.clock()) + 86_400
    issuer.server.lists[1][REVOKED] = 1
    issuer.server.publish_list(iat=tomorrow, exp=tomorrow + 3600)
    wait_for(lambda: issuer.server.requests["/status-lists/1"] >= 4, what="another fetch")

    assert api(issuer.token(GOOD)).status_code == 200
    assert api(issuer.token(REVOKED)).status_code == 200

    issuer.server.publish_list()
    wait_for(lambda: problem(api(issuer.token(REVOKED))) == (401, "revoked_token"), what="the new list")
