"""The way of one request, as Server-Timing tells it: each hop, its token and its time."""

import re

import pytest
from testkit.token_signer import claims_of

pytestmark = pytest.mark.compose
PART = re.compile(r'([A-Za-z0-9_.-]+);dur=([0-9.]+)(?:;desc="([^"]*)")?')


@pytest.fixture(scope="module")
def user(new_user):
    return new_user()


def parts_of(response):
    """Return the facts of each part, by its name."""
    parts = map(PART.fullmatch, response.headers["Server-Timing"].split(", "))
    return {
        part[1]: dict(fact.split("=", 1) for fact in (part[3] or "").split(" ") if fact) for part in parts
    }


@pytest.fixture(scope="module")
def order(user, place_order):
    """The parts of a user's first order, for which tokens must be exchanged."""
    response = place_order(user.token)
    assert response.status_code == 201
    return parts_of(response)


def test_gateway_says_what_it_verified(order, user):
    claims = claims_of(user.token)
    assert order["auth"] == {
        "audience": "orders-service",
        "required": "orders:write",
        "aud": "+".join(claims["aud"]),
        "scope": "+".join(claims["scope"].split()),
        "client_id": claims["client_id"],
        "kid": order["auth"]["kid"],
        "status": "checked",
    }


def test_service_verified_the_same_token(order):
    gateway = {name: value for name, value in order["auth"].items() if name not in {"audience", "required"}}
    assert order["orders-service.app"] == gateway


def test_exchange_says_what_was_issued(order):
    assert order["orders-service.auth-service.app"] == {
        "grant": "urn:ietf:params:oauth:grant-type:token-exchange",
        "client_id": "orders-service",
        "aud": "users-service",
        "scope": "profile:read",
    }


def test_second_service_got_a_narrower_token(order):
    assert order["orders-service.users-service.app"] == {
        "aud": "users-service",
        "scope": "profile:read",
        "client_id": "orders-service",
        "act": "orders-service",
        "kid": order["auth"]["kid"],
        "status": "checked",
    }


def test_service_asks_with_its_own_exchanged_token(order):
    """The first request for a profile asks auth-service for the account's name."""
    facts = order["orders-service.users-service.auth-service.app"]
    assert (facts["aud"], facts["act"], facts["status"]) == ("users-service", "orders-service", "checked")


def test_durations_of_calls_are_there(order):
    assert {"total", "upstream", "orders-service.users-service", "orders-service.db"} <= order.keys()
    assert {"orders-service.auth-service", "orders-service.users-service.db"} <= order.keys()


def test_request_without_token_has_no_facts(gateway):
    assert not any(parts_of(gateway("GET", "/products")).values())


def test_header_has_no_token_and_no_person(user, place_order):
    text = place_order(user.token).headers["Server-Timing"]
    claims = claims_of(user.token)
    secrets = [user.token[:20], user.email, *(str(claims[name]) for name in ("sub", "jti", "sid"))]
    assert not [each for each in secrets if each in text]
