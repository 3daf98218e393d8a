"""The use cases over fakes of their ports."""

import pytest
from orders_service.domain.errors import (
    IdempotencyKeyReused,
    OrderNotFound,
    ProfilesUnavailable,
    UnknownProduct,
)
from orders_service.domain.order import NewLine, NewOrder, Status
from orders_service.use_cases import Caller


def place(use_cases, sub="ada", *, items=(("STONE-BLK", 2),), key=None, note=None):
    new = NewOrder(tuple(NewLine(*item) for item in items), note)
    return use_cases.place_order(sub, "a token", new, key)


def test_place_order_copies_customer(use_cases, clock):
    order = place(use_cases, note="ring twice")

    assert (order.customer.sub, order.customer.name, order.customer.shipping_address) == (
        "ada",
        "Name of ada",
        "1 Assay Lane",
    )
    assert (order.status, order.total_cents, order.note) == (Status.PLACED, 5_000, "ring twice")
    assert order.created_at == clock()


def test_same_key_returns_first_order_without_requests(use_cases, customers):
    first = place(use_cases, key="k")

    assert place(use_cases, key="k") == first
    assert len(customers.requested) == 1


def test_same_key_returns_cancelled_order_as_placed(use_cases):
    first = place(use_cases, key="k")
    use_cases.cancel_order("ada", str(first.id))

    assert place(use_cases, key="k") == first


def test_same_key_with_other_order_is_refused(use_cases):
    place(use_cases, key="k")

    with pytest.raises(IdempotencyKeyReused):
        place(use_cases, key="k", items=(("STONE-BLK", 3),))


def test_key_is_per_customer(use_cases):
    assert place(use_cases, "ada", key="k").id != place(use_cases, "bob", key="k").id


def test_without_key_each_request_places_order(use_cases):
    assert place(use_cases).id != place(use_cases).id


def test_failed_order_stores_neither_order_nor_key(use_cases, customers):
    customers.error = ProfilesUnavailable(7)
    with pytest.raises(ProfilesUnavailable):
        place(use_cases, key="k")
    assert use_cases.list_orders("ada", None, 10) == ([], None)

    customers.error = None
    order = place(use_cases, key="k", items=(("GOLD-LEAF", 1),))
    assert use_cases.list_orders("ada", None, 10)[0] == [order]


def test_unknown_product_fails_before_requests(use_cases, customers):
    with pytest.raises(UnknownProduct):
        place(use_cases, items=(("GONE", 1),))

    assert customers.requested == []


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (Caller("ada", reads_own=True, reads_all=False), True),
        (Caller("ada", reads_own=False, reads_all=False), False),
        (Caller("eve", reads_own=True, reads_all=False), False),
        (Caller("eve", reads_own=True, reads_all=True), True),
        (Caller("eve", reads_own=False, reads_all=True), True),
    ],
)
def test_order_is_read_by_customer_or_admin_alone(use_cases, caller, seen):
    order = place(use_cases)

    if seen:
        assert use_cases.read_order(caller, str(order.id)) == order
    else:
        with pytest.raises(OrderNotFound):
            use_cases.read_order(caller, str(order.id))


def test_second_cancellation_changes_nothing(use_cases, clock):
    order = place(use_cases)
    cancelled = use_cases.cancel_order("ada", str(order.id))
    clock.advance(60)

    assert cancelled.status is Status.CANCELLED
    assert use_cases.cancel_order("ada", str(order.id)) == cancelled


def test_admin_cancels_own_orders_only(use_cases):
    with pytest.raises(OrderNotFound):
        use_cases.cancel_order("root", str(place(use_cases).id))
