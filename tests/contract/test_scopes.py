"""A token opens the routes of its scopes, and a refusal names the missing scope (RFC 6750 section 3.1)."""

import pytest

pytestmark = pytest.mark.compose

ORDER = object()  # replaced by an order of one product
BODIES = {
    "GET /users/me": None,
    "PATCH /users/me": {"name": "Alice"},
    "GET /users": None,
    "GET /orders": None,
    "POST /orders": ORDER,
    "POST /orders/nothing/cancel": None,
}
# The statuses of the routes that a set of scopes opens; all others are 403. An order also reads the profile.
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
    """The answers of all routes to a token with these scopes."""
    token = alice.log_in(scope=scopes)["access_token"]
    order = {"items": [{"sku": sku, "quantity": 1}]}
    return {
        request_line: gateway(*request_line.split(), token=token, json=order if body is ORDER else body)
        for request_line, body in BODIES.items()
    }


def test_token_opens_only_its_scopes(answers, scopes):
    assert {request_line: a.status_code for request_line, a in answers.items()} == dict.fromkeys(
        BODIES, 403
    ) | OPENED[scopes]


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
