"""The mint stops for an hour of a clock that we move, and comes back: what goes on, what ends, what must wait."""

import logging

import pytest

HOUR = 3600
FRESH_WITHIN = 30  # seconds, the default of what a sensitive route asks for
STALE_WITHIN = 12 * HOUR
GOOD, REVOKED, NEW = 1, 2, 3  # indexes in the list


@pytest.fixture
def api(post, until):
    """A verifier that has heard of the list, and of one session that ended."""
    post.server.revoke(REVOKED)
    api = post.api()
    until(lambda: api(post.token(GOOD)).status_code == 200)
    return api


def test_ordinary_routes_go_on_for_an_hour_with_the_last_list(post, api):
    good, revoked = post.token(GOOD), post.token(REVOKED)
    post.stop()

    post.advance(HOUR)

    assert api(good).status_code == 200
    assert api(revoked).status_code == 401


def test_tokens_end_at_their_end_and_no_later_though_nobody_can_renew_them(post, api):
    token = post.token(GOOD, life=300)
    post.stop()

    post.advance(300 + 29)
    assert api(token).status_code == 200

    post.advance(1)
    assert api(token).status_code == 401


def test_a_sensitive_route_goes_on_for_thirty_seconds_and_then_says_when_to_come_back(
    post, api, problem, comes_back
):
    token = post.token(GOOD)
    assert api(token, "/sensitive").status_code == 200
    post.stop()

    post.advance(FRESH_WITHIN - 1)
    assert api(token, "/sensitive").status_code == 200

    post.advance(2)
    refused = api(token, "/sensitive")
    assert problem(refused) == (503, "unconfirmed")
    assert comes_back(refused)
    assert api(token).status_code == 200


def test_a_revoked_token_is_told_so_at_a_sensitive_route_and_not_to_come_back(post, api, problem):
    post.stop()
    post.advance(HOUR)

    assert problem(api(post.token(REVOKED), "/sensitive")) == (401, "revoked_token")


def test_a_list_that_nobody_confirmed_for_twelve_hours_serves_no_longer(post, api, comes_back):
    token = post.token(GOOD, life=2 * STALE_WITHIN)
    post.stop()

    post.advance(STALE_WITHIN - HOUR)
    assert api(token).status_code == 200

    post.advance(HOUR + 60)
    assert comes_back(api(token))


def test_the_age_of_a_document_is_an_alert_once_and_not_for_each_request(post, api, until, caplog):
    token = post.token(GOOD)
    post.stop()
    until(lambda: all(each.last_error for each in api.issuer.documents.stats()), hope="trouble")

    post.advance(HOUR)
    for _ in range(50):
        api(token)

    def alerts():
        return [record for record in caplog.records if record.levelno >= logging.ERROR]

    until(lambda: len(alerts()) == 2, hope="an alert for the keys and one for the list")
    for _ in range(50):
        api(token)
    assert len(alerts()) == 2


def test_everything_goes_on_after_the_mint_is_back_without_a_restart(post, api, problem, until):
    ended_meanwhile = post.token(GOOD)
    post.stop()
    post.advance(HOUR)
    post.server.revoke(GOOD)
    assert api(ended_meanwhile).status_code == 200

    post.start()

    until(lambda: problem(api(ended_meanwhile)) == (401, "revoked_token"), hope="what was missed")
    until(lambda: api(post.token(NEW), "/sensitive").status_code == 200, hope="freshness")
    assert api(post.token(NEW)).status_code == 200
