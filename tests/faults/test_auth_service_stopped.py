"""The issuer stops for an hour of the test's clock: ordinary routes continue, tokens expire, sensitive routes wait."""

import logging

import pytest
from testkit.concurrency import wait_for

HOUR = 3600
FRESH_WITHIN = 30  # seconds, the default for sensitive routes
STALE_WITHIN = 12 * HOUR
GOOD, REVOKED, NEW = 1, 2, 3  # indexes in the list


@pytest.fixture
def api(issuer):
    """A verifier with a list in which one session has ended."""
    issuer.server.revoke(REVOKED)
    api = issuer.api()
    wait_for(lambda: api(issuer.token(GOOD)).status_code == 200)
    return api


def test_ordinary_route_continues_for_an_hour(issuer, api):
    good, revoked = issuer.token(GOOD), issuer.token(REVOKED)
    issuer.stop()

    issuer.advance(HOUR)

    assert api(good).status_code == 200
    assert api(revoked).status_code == 401


def test_token_expires_on_time_in_outage(issuer, api):
    token = issuer.token(GOOD, life=300)
    issuer.stop()

    issuer.advance(300 + 29)
    assert api(token).status_code == 200

    issuer.advance(1)
    assert api(token).status_code == 401


def test_sensitive_route_is_503_after_30_s(issuer, api, problem, retry_later):
    token = issuer.token(GOOD)
    assert api(token, "/sensitive").status_code == 200
    issuer.stop()

    issuer.advance(FRESH_WITHIN - 1)
    assert api(token, "/sensitive").status_code == 200

    issuer.advance(2)
    refused = api(token, "/sensitive")
    assert problem(refused) == (503, "unconfirmed")
    assert retry_later(refused)
    assert api(token).status_code == 200


def test_sensitive_route_refuses_revoked_in_outage(issuer, api, problem):
    issuer.stop()
    issuer.advance(HOUR)

    assert problem(api(issuer.token(REVOKED), "/sensitive")) == (401, "revoked_token")


def test_list_unconfirmed_for_12_h_is_503(issuer, api, retry_later):
    token = issuer.token(GOOD, life=2 * STALE_WITHIN)
    issuer.stop()

    issuer.advance(STALE_WITHIN - HOUR)
    assert api(token).status_code == 200

    issuer.advance(HOUR + 60)
    assert retry_later(api(token))


def test_old_document_is_logged_once(issuer, api, caplog):
    token = issuer.token(GOOD)
    issuer.stop()
    wait_for(
        lambda: all(each.last_error for each in api.issuer.documents.stats()),
        what="an error of each document",
    )

    issuer.advance(HOUR)
    for _ in range(50):
        api(token)

    def alerts():
        # Those of this issuer: followers of earlier tests may not have ended.
        errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        return [error for error in errors if issuer.proxy.url in error]

    wait_for(lambda: len(alerts()) == 2, what="an alert for the keys and one for the list")
    for _ in range(50):
        api(token)
    assert len(alerts()) == 2


def test_verifier_recovers_without_restart(issuer, api, problem):
    ended = issuer.token(GOOD)
    issuer.stop()
    issuer.advance(HOUR)
    issuer.server.revoke(GOOD)
    assert api(ended).status_code == 200

    issuer.start()

    wait_for(lambda: problem(api(ended)) == (401, "revoked_token"), what="the revocation")
    wait_for(lambda: api(issuer.token(NEW), "/sensitive").status_code == 200, what="freshness")
    assert api(issuer.token(NEW)).status_code == 200
