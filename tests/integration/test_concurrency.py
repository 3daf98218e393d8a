"""The same request sent many times at once, where the first one creates something."""

import secrets

import pytest
from testkit.concurrency import at_once

pytestmark = pytest.mark.compose
MANY = 16


def test_one_address_makes_one_account(gateway):
    user = {
        "email": f"{secrets.token_hex(8)}@example.com",
        "password": "the same for all of them",
        "name": "Many",
    }

    answers = at_once(MANY, lambda: gateway("POST", "/accounts", json=user))

    assert {a.status_code for a in answers} <= {201, 429}
    log_in = gateway("POST", "/login", json={k: user[k] for k in ("email", "password")})
    assert log_in.status_code == 200


def test_first_requests_make_one_profile(gateway, new_user):
    token = new_user().log_in()["access_token"]

    answers = at_once(MANY, lambda: gateway("GET", "/users/me", token=token))

    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1


def test_first_orders_all_succeed(gateway, new_user, place_order):
    token = new_user().log_in()["access_token"]

    answers = at_once(MANY, lambda: place_order(token))

    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == MANY


def test_order_is_cancelled_once(gateway, new_user, place_order):
    user = new_user()
    path = f"/orders/{place_order(user.token).json()['id']}/cancel"

    answers = at_once(MANY, lambda: gateway("POST", path, token=user.token))

    assert {a.status_code for a in answers} <= {200, 409}
    assert len({a.json()["cancelled_at"] for a in answers if a.status_code == 200}) == 1


def test_logouts_of_one_session_succeed(gateway, new_user):
    user = new_user()
    token = user.log_in()["access_token"]

    answers = at_once(MANY, lambda: gateway("POST", "/logout", token=token))

    assert {a.status_code for a in answers} <= {204, 401}
    assert user.log_in()["access_token"]
