"""While users-service is stopped, a new order is refused, and works with the same key afterwards."""

import uuid

import pytest
from testkit.concurrency import wait_for

RECOVERY_SECONDS = 5.0


@pytest.fixture
def own_gateway(breakable, client_at):
    return client_at(breakable.gateway)


@pytest.fixture(scope="module")
def stopped(breakable):
    """users-service is stopped until a test, or the end of the module, starts it."""
    breakable.stop_service("users-service")
    yield
    if not breakable.running("users-service"):
        breakable.start_service("users-service")


def test_order_is_503_and_leaves_nothing(own_gateway, customer, stopped, place_order):
    answer = place_order(customer.token, at=own_gateway)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert own_gateway("GET", "/orders", token=customer.token).json()["items"] == []


def test_other_routes_still_work(own_gateway, customer, stopped):
    assert own_gateway("GET", "/orders", token=customer.token).status_code == 200
    assert own_gateway("GET", "/products").status_code == 200
    assert customer.log_in()["access_token"]


def test_profile_is_503_at_gateway(own_gateway, customer, stopped):
    answer = own_gateway("GET", "/users/me", token=customer.token)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_same_key_places_one_order_after_recovery(breakable, own_gateway, customer, stopped, place_order):
    key = uuid.uuid4().hex
    assert place_order(customer.token, at=own_gateway, key=key).status_code == 503

    breakable.start_service("users-service")

    wait_for(
        lambda: place_order(customer.token, at=own_gateway, key=key).status_code == 201,
        RECOVERY_SECONDS,
        "the order",
    )

    again = place_order(customer.token, at=own_gateway, key=key).json()["id"]
    assert [o["id"] for o in own_gateway("GET", "/orders", token=customer.token).json()["items"]] == [again]
