"""Clocks that disagree: thirty seconds are forgiven, in tokens and in lists; a minute is not."""

import pytest

GOOD, REVOKED = 1, 2
LIFE = 300


@pytest.fixture
def api(post, until):
    api = post.api()
    until(lambda: api(post.token(GOOD)).status_code == 200)
    return api


@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (-30, 200), (-61, 401)])
def test_a_token_fresh_from_the_mint_with_the_verifiers_clock_so_far_ahead(post, api, ahead, status):
    token = post.token(GOOD, life=LIFE)

    post.clock.advance(ahead)

    assert api(token).status_code == status


@pytest.mark.parametrize(("ahead", "status"), [(29, 200), (-30, 200), (61, 401)])
def test_a_token_in_its_last_moment_with_the_verifiers_clock_so_far_ahead(post, api, ahead, status):
    token = post.token(GOOD, life=LIFE)

    post.clock.advance(LIFE + ahead)

    assert api(token).status_code == status


@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (-30, 200), (-61, 401)])
def test_a_token_good_from_now_on_with_the_verifiers_clock_so_far_ahead(post, api, ahead, status):
    token = post.token(GOOD, life=LIFE, nbf=int(post.clock()), iat=int(post.clock()) - 61)

    post.clock.advance(ahead)

    assert api(token).status_code == status


# The list's own times, seen from the verifier: (claim, seconds from now, what a good token is answered).
LISTS = [
    ("iat", 30, 200),
    ("iat", 61, 503),
    ("exp", -29, 200),
    ("exp", -61, 503),
]


@pytest.mark.parametrize(("claim", "seconds", "status"), LISTS)
def test_a_list_that_was_signed_by_another_clock(post, claim, seconds, status):
    now = int(post.clock())
    times = {"iat": now - 3600, "exp": now + 3600} | {claim: now + seconds}
    post.server.publish_list(**times)

    assert post.api()(post.token(GOOD)).status_code == status


def test_a_list_that_came_from_the_future_replaces_no_good_one(post, api, problem, until):
    until(lambda: post.server.requests["/status-lists/1"] >= 2, hope="a verifier that waits")
    tomorrow = int(post.clock()) + 86_400
    post.server.lists[1][REVOKED] = 1
    post.server.publish_list(iat=tomorrow, exp=tomorrow + 3600)
    until(lambda: post.server.requests["/status-lists/1"] >= 4, hope="another try")

    assert api(post.token(GOOD)).status_code == 200
    assert api(post.token(REVOKED)).status_code == 200

    post.server.publish_list()
    until(lambda: problem(api(post.token(REVOKED))) == (401, "revoked_token"), hope="a list of now")
