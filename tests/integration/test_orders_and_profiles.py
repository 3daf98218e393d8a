"""Orders and profiles, through the gateway."""

import uuid

import pytest
from testkit.concurrency import at_once

pytestmark = pytest.mark.compose


@pytest.fixture
def user(new_user):
    return new_user()


def order_ids(gateway, token, limit=100):
    return [o["id"] for o in gateway("GET", f"/orders?limit={limit}", token=token).json()["items"]]


def test_order_has_customer_and_can_be_found(gateway, user, place_order):
    token = user.log_in()["access_token"]
    profile = {"name": "Ada Lovelace", "shipping_address": "12 St James's Square, London"}
    assert gateway("PATCH", "/users/me", token=token, json=profile).status_code == 200

    answer = place_order(token, quantity=2)

    order = answer.json()
    assert answer.status_code == 201
    assert {name: order["customer"][name] for name in profile} == profile
    assert order["customer"]["sub"] == user.sub
    assert gateway("GET", answer.headers["Location"], token=token).json() == order
    assert order_ids(gateway, token) == [order["id"]]


def test_first_order_creates_profile(gateway, user, place_order):
    """orders-service asks for the profile with an exchanged token, which creates it."""
    token = user.log_in()["access_token"]

    assert place_order(token).json()["customer"] == {"sub": user.sub, "name": "New", "shipping_address": None}
    assert gateway("GET", "/users/me", token=token).json()["name"] == "New"


def test_changed_name_is_kept(gateway, user):
    token = user.token
    assert gateway("GET", "/users/me", token=token).json()["name"] == "New"
    assert gateway("PATCH", "/users/me", token=token, json={"name": "Ada"}).json()["name"] == "Ada"

    assert gateway("GET", "/users/me", token=user.log_in()["access_token"]).json()["name"] == "Ada"


def test_account_name_is_not_exposed(gateway, user):
    assert gateway("GET", "/account/name", token=user.token).status_code == 404


def test_prices_come_from_product_table(gateway, user, place_order, sku):
    price = next(p["price_cents"] for p in gateway("GET", "/products").json()["items"] if p["sku"] == sku)

    order = place_order(user.token, quantity=3).json()

    assert isinstance(order["total_cents"], int)
    assert order["total_cents"] == order["items"][0]["line_total_cents"] == 3 * price


def test_price_from_client_is_refused(gateway, user, sku):
    answers = [
        gateway("POST", "/orders", token=user.token, json=body)
        for body in (
            {"items": [{"sku": sku, "quantity": 1, "unit_price_cents": 1}]},
            {"items": [{"sku": sku, "quantity": 1}], "total_cents": 1},
            {"items": [{"sku": sku, "quantity": 1}], "customer": {"sub": "another"}},
        )
    ]

    assert [a.status_code for a in answers] == [422, 422, 422]


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", True, None, 10**12])
def test_invalid_quantity_is_422(gateway, user, sku, quantity):
    body = {"items": [{"sku": sku, "quantity": quantity}]}

    assert gateway("POST", "/orders", token=user.token, json=body).status_code == 422


def test_same_idempotency_key_is_same_order(gateway, user, place_order):
    key = uuid.uuid4().hex

    answers = [place_order(user.token, key=key) for _ in range(3)]

    assert len({a.json()["id"] for a in answers}) == 1
    assert {a.status_code for a in answers} <= {200, 201}
    assert len(order_ids(gateway, user.token)) == 1


def test_same_idempotency_key_raced_is_one_order(gateway, user, place_order):
    key, token = uuid.uuid4().hex, user.token

    answers = at_once(20, lambda: place_order(token, key=key))

    assert {a.status_code for a in answers} <= {200, 201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(order_ids(gateway, token)) == 1


def test_idempotency_key_with_other_body_is_422(gateway, user, place_order):
    key = uuid.uuid4().hex
    place_order(user.token, key=key, quantity=1)

    assert place_order(user.token, key=key, quantity=2).status_code == 422
    assert len(order_ids(gateway, user.token)) == 1


def test_idempotency_keys_are_per_customer(new_user, place_order):
    key, one, other = uuid.uuid4().hex, new_user(), new_user()

    ids = {place_order(user.token, key=key).json()["id"] for user in (one, other)}

    assert len(ids) == 2


def test_order_of_other_customer_is_404(gateway, user, new_user, place_order):
    order_id, other = place_order(user.token).json()["id"], new_user()

    seen = gateway("GET", f"/orders/{order_id}", token=other.token)
    cancelled = gateway("POST", f"/orders/{order_id}/cancel", token=other.token)
    never = gateway("GET", f"/orders/{uuid.uuid4()}", token=other.token)

    assert (seen.status_code, cancelled.status_code) == (404, 404)
    same = ["type", "title", "status", "detail"]
    assert [seen.json().get(k) for k in same] == [never.json().get(k) for k in same]
    assert gateway("GET", f"/orders/{order_id}", token=user.token).json()["status"] != "cancelled"


def test_administrator_reads_but_does_not_list_orders(gateway, user, admin, place_order):
    order_id = place_order(user.token).json()["id"]

    assert gateway("GET", f"/orders/{order_id}", token=admin.token).json()["id"] == order_id
    assert order_id not in order_ids(gateway, admin.token)


def test_order_stays_cancelled(gateway, user, place_order):
    path = f"/orders/{place_order(user.token).json()['id']}"

    first = gateway("POST", f"{path}/cancel", token=user.token)
    again = gateway("POST", f"{path}/cancel", token=user.token)

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert again.status_code in (200, 409)
    assert gateway("GET", path, token=user.token).json() == first.json()


def test_pages_hold_each_order_once(gateway, user, place_order):
    token = user.token
    placed = [place_order(token).json()["id"] for _ in range(7)]

    seen, cursor = [], ""
    while cursor is not None:
        page = gateway("GET", f"/orders?limit=2{cursor and '&cursor=' + cursor}", token=token).json()
        assert len(page["items"]) <= 2
        seen += [o["id"] for o in page["items"]]
        cursor = page["next_cursor"]
        place_order(token)

    assert seen == placed[::-1]


def test_administrator_pages_through_profiles(gateway, admin, new_user):
    people = {
        p.sub for p in (new_user(), new_user(), new_user()) if gateway("GET", "/users/me", token=p.token).ok
    }

    seen, cursor = [], ""
    while cursor is not None:
        page = gateway("GET", f"/users?limit=2{cursor and '&cursor=' + cursor}", token=admin.token).json()
        seen += [p["sub"] for p in page["items"]]
        cursor = page["next_cursor"]

    assert len(people) == 3
    assert people <= set(seen)
    assert len(seen) == len(set(seen))
