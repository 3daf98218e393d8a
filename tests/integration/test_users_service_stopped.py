"""With users-service stopped a new order is refused whole, and works under its old key afterwards."""

import uuid

import pytest
from testkit.concurrency import wait_for

PROMISED = 5.0


@pytest.fixture
def gateway_of(breakable, client_at):
    return client_at(breakable.gateway)


@pytest.fixture(scope="module")
def stopped(breakable):
    """users-service, stopped until a test or the end of the module starts it."""
    breakable.stop_service("users-service")
    yield
    if not breakable.running("users-service"):
        breakable.start_service("users-service")


def test_order_is_503_and_leaves_nothing(gateway_of, customer, stopped, place_order):
    answer = place_order(customer.token, at=gateway_of)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert gateway_of("GET", "/orders", token=customer.token).json()["items"] == []


def test_other_routes_still_work(gateway_of, customer, stopped):
    assert gateway_of("GET", "/orders", token=customer.token).status_code == 200
    assert gateway_of("GET", "/products").status_code == 200
    assert customer.log_in()["access_token"]


def test_profile_is_503_at_gateway(gateway_of, customer, stopped):
    answer = gateway_of("GET", "/users/me", token=customer.token)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_same_key_places_one_order_after_recovery(breakable, gateway_of, customer, stopped, place_order):
    key = uuid.uuid4().hex
    assert place_order(customer.token, at=gateway_of, key=key).status_code == 503

    breakable.start_service("users-service")

    wait_for(
        lambda: place_order(customer.token, at=gateway_of, key=key).status_code == 201, PROMISED, "the order"
    )

    again = place_order(customer.token, at=gateway_of, key=key).json()["id"]
    assert [o["id"] for o in gateway_of("GET", "/orders", token=customer.token).json()["items"]] == [again]
