"""What every implementation of the port ``Orders`` holds to."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused, StorageUnavailable
from orders_service.domain.order import IdempotencyKey, Line, Order, Position, Status
from orders_service.storage.orders import SqlOrders
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
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
    while page := orders.page(sub, before, limit):
        seen += page
        before = Position(page[-1].created_at, page[-1].id)
    return seen


def test_what_was_stored_is_found_as_it_was(orders):
    stored = orders.add(order(note="ring twice\nthen wait"), None)

    assert orders.find(stored.id) == stored


def test_a_customer_without_an_address_is_fine(orders):
    stored = orders.add(replace(order(), customer=Customer("ada", "", None)), None)

    assert orders.find(stored.id).customer == Customer("ada", "", None)


def test_what_was_never_stored_is_not_found(orders):
    assert orders.find(uuid.uuid4()) is None
    assert orders.by_key("ada", KEY) is None


def test_a_second_order_under_a_key_is_the_first(orders):
    first = orders.add(order(), KEY)

    assert orders.add(order(at=LATER), KEY) == first == orders.by_key("ada", KEY)
    assert orders.page("ada", None, 10) == [first]


def test_a_key_with_another_fingerprint_is_refused(orders):
    first = orders.add(order(), KEY)

    with pytest.raises(IdempotencyKeyReused):
        orders.add(order(), SAME_KEY_OTHER_BODY)
    with pytest.raises(IdempotencyKeyReused):
        orders.by_key("ada", SAME_KEY_OTHER_BODY)
    assert orders.page("ada", None, 10) == [first]


def test_a_key_belongs_to_one_customer(orders):
    assert orders.add(order("ada"), KEY).id != orders.add(order("bob"), KEY).id


def test_a_page_is_newest_first_and_ones_own(orders):
    old, new = orders.add(order(), None), orders.add(order(at=LATER), None)
    orders.add(order("bob", at=LATER), None)

    assert orders.page("ada", None, 10) == [new, old]
    assert orders.page("ada", Position(new.created_at, new.id), 10) == [old]


def test_orders_of_the_same_moment_are_each_seen_once(orders):
    stored = [orders.add(order(), None) for _ in range(7)]

    assert sorted(o.id for o in walk(orders, "ada", 2)) == sorted(o.id for o in stored)


def test_an_order_placed_during_a_walk_does_not_move_it(orders):
    stored = [orders.add(order(at=NOON + timedelta(seconds=n)), None) for n in range(4)]
    first = orders.page("ada", None, 2)
    orders.add(order(at=LATER), None)

    rest = orders.page("ada", Position(first[-1].created_at, first[-1].id), 10)

    assert [*first, *rest] == stored[::-1]


def test_cancelling_keeps_the_first_time(orders):
    stored = orders.add(order(), None)

    cancelled = orders.cancel(stored.id, "ada", LATER)

    assert cancelled == replace(stored, status=Status.CANCELLED, cancelled_at=LATER)
    assert orders.cancel(stored.id, "ada", LATER + timedelta(hours=1)) == cancelled == orders.find(stored.id)


def test_anothers_order_is_not_cancelled(orders):
    stored = orders.add(order(), None)

    assert orders.cancel(stored.id, "eve", LATER) is None
    assert orders.find(stored.id) == stored


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_many_at_once_under_one_key_are_one_order(engine, request):
    orders, start = SqlOrders(request.getfixturevalue(engine)), threading.Barrier(8)

    def add(_):
        start.wait()
        return orders.add(order(), KEY)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))

    assert {answer.id for answer in answers} == {answers[0].id}
    assert orders.page("ada", None, 10) == [answers[0]]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_an_order_whose_lines_fail_is_not_there_at_all(engine, request):
    orders = SqlOrders(request.getfixturevalue(engine))
    broken = replace(order(), lines=(Line(None, "Stone", 1, 1),))

    with pytest.raises(IntegrityError):
        orders.add(broken, KEY)

    assert orders.find(broken.id) is None
    assert orders.by_key("ada", KEY) is None


def test_a_database_out_of_reach_is_said_to_be(sqlite):
    with sqlite.begin() as session:
        session.execute(text("DROP TABLE order_lines"))
        session.execute(text("DROP TABLE orders"))

    with pytest.raises(StorageUnavailable):
        SqlOrders(sqlite).find(uuid.uuid4())
