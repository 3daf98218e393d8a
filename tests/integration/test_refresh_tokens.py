"""Refresh tokens, through the gateway: each has one successor, and reuse ends its session only."""

import pytest
from testkit.concurrency import at_once
from testkit.token_signer import claims_of

pytestmark = pytest.mark.compose


@pytest.fixture
def refresh(alice):
    """`refresh(token)`: the answer to a refresh grant."""
    return alice.refresh


@pytest.fixture
def session(new_user):
    """The token answer of a new session."""
    return new_user().log_in()


def test_refresh_keeps_session(refresh, session, gateway):
    answer = refresh(session["refresh_token"])

    new = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert new["refresh_token"] != session["refresh_token"]
    before, after = claims_of(session["access_token"]), claims_of(new["access_token"])
    same = ["iss", "sub", "sid", "aud", "scope", "roles", "client_id", "auth_time"]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["jti"] != before["jti"]
    assert gateway("GET", "/users/me", token=new["access_token"]).status_code == 200


def test_refresh_raced_has_one_successor(refresh, session):
    answers = at_once(50, lambda: refresh(session["refresh_token"]))

    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["refresh_token"] for a in answers}) == 1
    assert refresh(answers[0].json()["refresh_token"]).status_code == 200


def test_refresh_repeated_returns_same_successor(refresh, session):
    first, again = refresh(session["refresh_token"]), refresh(session["refresh_token"])

    assert first.json()["refresh_token"] == again.json()["refresh_token"]


def test_refresh_reused_ends_session(refresh, session):
    second = refresh(session["refresh_token"]).json()["refresh_token"]
    third = refresh(second).json()["refresh_token"]

    stolen = refresh(session["refresh_token"])

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert refresh(third).json()["error"] == "invalid_grant"


def test_refresh_reused_keeps_other_sessions(refresh, new_user):
    user = new_user()
    robbed, other = user.log_in(), user.log_in()
    second = refresh(robbed["refresh_token"]).json()["refresh_token"]
    refresh(second)

    assert refresh(robbed["refresh_token"]).status_code == 400
    assert refresh(other["refresh_token"]).status_code == 200


def test_refresh_narrows_but_never_widens_scope(refresh, session):
    narrow = refresh(session["refresh_token"], scope="orders:read").json()
    wide = refresh(narrow["refresh_token"], scope="orders:read admin")

    assert claims_of(narrow["access_token"])["scope"] == "orders:read"
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 20_000, "\x00", "' OR 1=1 --", "\u20ac"])
def test_malformed_refresh_token_is_refused(refresh, token):
    answer = refresh(token)

    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


def test_access_token_is_no_refresh_token(refresh, session):
    assert refresh(session["access_token"]).json()["error"] in ("invalid_grant", "invalid_request")


def test_refresh_token_is_no_access_token(gateway, session):
    assert gateway("GET", "/users/me", token=session["refresh_token"]).status_code == 401


def test_logout_ends_refresh_token_of_session_only(refresh, new_user, gateway):
    user = new_user()
    here, there = user.log_in(), user.log_in()

    assert gateway("POST", "/logout", token=here["access_token"]).status_code == 204

    assert refresh(here["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(there["refresh_token"]).status_code == 200
