"""What every implementation of `Orders` must do."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused, StorageUnavailable
from orders_service.domain.order import IdempotencyKey, Line, Order, Position, Status
from orders_service.storage.orders import SqlOrders
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

NOON = 1_782_907_200.123456
LATER = NOON + 3600
KEY, SAME_KEY_OTHER_BODY = IdempotencyKey("k", "a" * 64), IdempotencyKey("k", "b" * 64)


def order(sub="ada", *, at=NOON, note=None):
    return Order(
        id=uuid.uuid4(),
        status=Status.PLACED,
        lines=(Line("STONE", "Stone", 3, 2_500), Line("A-LEAF", "Leaf", 1, 100_000_000)),
        currency="EUR",
        customer=Customer(sub, "Ada", "1 Assay Lane"),
        note=note,
        created_at=at,
    )


def walk(orders, sub, limit):
    seen, before = [], None
    while page := orders.list_page(sub, before, limit):
        seen += page
        before = Position(page[-1].created_at, page[-1].id)
    return seen


def test_get_returns_stored_order(orders):
    stored = orders.add(order(note="ring twice\nthen wait"), None)

    assert orders.get(stored.id) == stored


def test_customer_without_address_is_stored(orders):
    stored = orders.add(replace(order(), customer=Customer("ada", "", None)), None)

    assert orders.get(stored.id).customer == Customer("ada", "", None)


def test_get_unknown_is_none(orders):
    assert orders.get(uuid.uuid4()) is None
    assert orders.find_by_key("ada", KEY) is None


def test_add_with_known_key_returns_first_order(orders):
    first = orders.add(order(), KEY)

    assert orders.add(order(at=LATER), KEY) == first == orders.find_by_key("ada", KEY)
    assert orders.list_page("ada", None, 10) == [first]


def test_key_with_other_fingerprint_is_refused(orders):
    first = orders.add(order(), KEY)

    with pytest.raises(IdempotencyKeyReused):
        orders.add(order(), SAME_KEY_OTHER_BODY)
    with pytest.raises(IdempotencyKeyReused):
        orders.find_by_key("ada", SAME_KEY_OTHER_BODY)
    assert orders.list_page("ada", None, 10) == [first]


def test_key_is_per_customer(orders):
    assert orders.add(order("ada"), KEY).id != orders.add(order("bob"), KEY).id


def test_page_has_own_orders_newest_first(orders):
    old, new = orders.add(order(), None), orders.add(order(at=LATER), None)
    orders.add(order("bob", at=LATER), None)

    assert orders.list_page("ada", None, 10) == [new, old]
    assert orders.list_page("ada", Position(new.created_at, new.id), 10) == [old]


def test_orders_of_same_time_are_listed_once(orders):
    stored = [orders.add(order(), None) for _ in range(7)]

    assert sorted(o.id for o in walk(orders, "ada", 2)) == sorted(o.id for o in stored)


def test_new_order_does_not_shift_pages(orders):
    stored = [orders.add(order(at=NOON + n), None) for n in range(4)]
    first = orders.list_page("ada", None, 2)
    orders.add(order(at=LATER), None)

    rest = orders.list_page("ada", Position(first[-1].created_at, first[-1].id), 10)

    assert [*first, *rest] == stored[::-1]


def test_cancel_keeps_first_time(orders):
    stored = orders.add(order(), None)

    cancelled = orders.cancel(stored.id, "ada", LATER)

    assert cancelled == replace(stored, status=Status.CANCELLED, cancelled_at=LATER)
    assert orders.cancel(stored.id, "ada", LATER + 3600) == cancelled == orders.get(stored.id)


def test_cancel_ignores_other_customers_order(orders):
    stored = orders.add(order(), None)

    assert orders.cancel(stored.id, "eve", LATER) is None
    assert orders.get(stored.id) == stored


def test_concurrent_adds_with_one_key_store_one(database):
    orders, start = SqlOrders(database), threading.Barrier(8)

    def add(_):
        start.wait()
        return orders.add(order(), KEY)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))

    assert {answer.id for answer in answers} == {answers[0].id}
    assert orders.list_page("ada", None, 10) == [answers[0]]


def test_failed_lines_store_no_order(database):
    orders = SqlOrders(database)
    broken = replace(order(), lines=(Line(None, "Stone", 1, 1),))

    with pytest.raises(IntegrityError):
        orders.add(broken, KEY)

    assert orders.get(broken.id) is None
    assert orders.find_by_key("ada", KEY) is None


def test_missing_table_is_storage_unavailable(sqlite):
    with sqlite.begin() as session:
        session.execute(text("DROP TABLE order_lines"))
        session.execute(text("DROP TABLE orders"))

    with pytest.raises(StorageUnavailable):
        SqlOrders(sqlite).get(uuid.uuid4())
