"""A token opens what its scopes say, and a refusal names the scope that was missing (RFC 6750 section 3.1)."""

import pytest

pytestmark = pytest.mark.compose

ORDER = object()  # stands for a body that orders one thing
ASKED = {
    "GET /users/me": None,
    "PATCH /users/me": {"name": "Alice"},
    "GET /users": None,
    "GET /orders": None,
    "POST /orders": ORDER,
    "POST /orders/nothing/cancel": None,
}
# What each set of scopes opens; everything else is 403. An order also reads the customer's profile.
OPENED = {
    "profile:read": {"GET /users/me": 200},
    "profile:write": {"PATCH /users/me": 200},
    "orders:read": {"GET /orders": 200},
    "orders:write": {"POST /orders/nothing/cancel": 404},
    "orders:write profile:read": {
        "GET /users/me": 200,
        "POST /orders": 201,
        "POST /orders/nothing/cancel": 404,
    },
}


@pytest.fixture(params=list(OPENED))
def scopes(request):
    return request.param


@pytest.fixture
def answers(gateway, alice, sku, scopes):
    """What a token with these scopes gets everywhere."""
    token = alice.log_in(scope=scopes)["access_token"]
    order = {"items": [{"sku": sku, "quantity": 1}]}
    return {
        asked: gateway(*asked.split(), token=token, json=order if body is ORDER else body)
        for asked, body in ASKED.items()
    }


def test_token_opens_only_its_scopes(answers, scopes):
    assert {asked: a.status_code for asked, a in answers.items()} == dict.fromkeys(ASKED, 403) | OPENED[
        scopes
    ]


def test_refusal_names_missing_scope(answers):
    refused = [a for a in answers.values() if a.json().get("type", "").endswith("insufficient_scope")]

    assert refused
    for answer in refused:
        assert answer.status_code == 403
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert 'scope="' in answer.headers["WWW-Authenticate"]


def test_only_administrator_reads_all_profiles(gateway, alice, admin):
    narrow = admin.log_in(scope="users:read")["access_token"]

    assert gateway("GET", "/users", token=narrow).status_code == 200
    assert gateway("GET", "/users", token=alice.token).status_code == 403
    assert gateway("GET", "/users/me", token=narrow).status_code == 403
