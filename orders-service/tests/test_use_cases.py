"""The rules of orders and products."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders_service.domain.errors import (
    IdempotencyKeyReused,
    InvalidOrder,
    InvalidProduct,
    OrderNotFound,
    ProfilesUnavailable,
    UnknownProduct,
)
from orders_service.domain.order import TOTAL_MAX_CENTS, Request, Status, Wanted, price
from orders_service.domain.product import PRICE_MAX_CENTS, Product
from orders_service.use_cases import Caller, parse_id

STONE, LEAF = Product("STONE", "Stone", 2_500, "EUR"), Product("LEAF", "Leaf", 4_990, "EUR")
RANDOM = uuid.UUID("b65929ce-ba9b-4474-be77-48a8d9fe51f2")
TABLE = {product.sku: product for product in (STONE, LEAF)}


def request(*items, note=None):
    return Request(tuple(Wanted(*item) for item in items), note)


def place(shop, sub="ada", *, items=(("STONE-BLK", 2),), key=None, note=None):
    return shop.place(sub, "a token", request(*items, note=note), key)


def test_an_order_has_the_tables_names_and_prices():
    lines, currency = price(request(("STONE", 3), ("LEAF", 1)), TABLE)

    assert [(line.name, line.unit_price_cents, line.line_total_cents) for line in lines] == [
        ("Stone", 2_500, 7_500),
        ("Leaf", 4_990, 4_990),
    ]
    assert currency == "EUR"


def test_an_unknown_product_is_named():
    with pytest.raises(UnknownProduct, match="GONE") as unknown:
        price(request(("STONE", 1), ("GONE", 1)), TABLE)

    assert unknown.value.extra == {"sku": "GONE"}


def test_an_order_has_one_currency():
    table = TABLE | {"PIN": Product("PIN", "Pin", 100, "USD")}

    with pytest.raises(InvalidOrder, match="EUR, USD"):
        price(request(("STONE", 1), ("PIN", 1)), table)


def test_a_total_beyond_the_bound_is_refused():
    table = {f"P{n}": Product(f"P{n}", "Gold", PRICE_MAX_CENTS, "EUR") for n in range(11)}

    assert price(request(*((f"P{n}", 1_000) for n in range(10))), table)
    with pytest.raises(InvalidOrder, match=str(TOTAL_MAX_CENTS)):
        price(request(*((f"P{n}", 1_000) for n in range(11))), table)


@given(st.lists(st.tuples(st.integers(0, PRICE_MAX_CENTS), st.integers(1, 1_000)), min_size=1, max_size=9))
def test_the_total_is_the_exact_sum_of_the_lines(lines):
    table = {f"P{n}": Product(f"P{n}", "Thing", cents, "EUR") for n, (cents, _) in enumerate(lines)}

    priced, _ = price(request(*((f"P{n}", quantity) for n, (_, quantity) in enumerate(lines))), table)

    assert sum(line.line_total_cents for line in priced) == sum(cents * quantity for cents, quantity in lines)


@pytest.mark.parametrize("count", [0, 51])
def test_an_order_has_one_to_fifty_lines(count):
    with pytest.raises(InvalidOrder, match="50"):
        request(*((f"P{n}", 1) for n in range(count)))


@pytest.mark.parametrize("quantity", [0, -1, 1_001])
def test_a_quantity_is_one_to_a_thousand(quantity):
    with pytest.raises(InvalidOrder, match="1000"):
        request(("STONE", quantity))


def test_a_product_stands_on_one_line_only():
    with pytest.raises(InvalidOrder, match="STONE stands on two lines"):
        request(("STONE", 1), ("LEAF", 1), ("STONE", 1))


@pytest.mark.parametrize("note", ["x" * 501, "a\x00b", "a\x1bb", "a\u202eb", "\udfff"])
def test_a_note_is_bounded_text(note):
    with pytest.raises(InvalidOrder, match="note"):
        request(("STONE", 1), note=note)


def test_a_note_may_have_lines():
    assert (
        request(("STONE", 1), note="ring\ttwice\r\nthen\u200d wait").note == "ring\ttwice\r\nthen\u200d wait"
    )


@pytest.mark.parametrize(
    "other",
    [
        request(("STONE", 2)),
        request(("LEAF", 1)),
        request(("STONE", 1), ("LEAF", 1)),
        request(("STONE", 1), note="x"),
        request(("STONE", 1), note=""),
    ],
)
def test_requests_that_differ_have_different_fingerprints(other):
    assert request(("STONE", 1)).fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("sku", "name", "cents", "currency"),
    [
        ("", "Stone", 1, "EUR"),
        ("a b", "Stone", 1, "EUR"),
        ("-A", "Stone", 1, "EUR"),
        ("A\n", "Stone", 1, "EUR"),
        ("x" * 65, "Stone", 1, "EUR"),
        ("A", "", 1, "EUR"),
        ("A", " ", 1, "EUR"),
        ("A", "x" * 201, 1, "EUR"),
        ("A", "a\x00b", 1, "EUR"),
        ("A", "Stone", -1, "EUR"),
        ("A", "Stone", PRICE_MAX_CENTS + 1, "EUR"),
        ("A", "Stone", 1, "eur"),
        ("A", "Stone", 1, "EURO"),
        ("A", "Stone", 1, "EUR\n"),
    ],
)
def test_product_that_breaks_a_rule_is_refused(sku, name, cents, currency):
    with pytest.raises(InvalidProduct):
        Product(sku, name, cents, currency).checked()


def test_an_order_keeps_the_customer_of_its_moment(shop, clock):
    order = place(shop, note="ring twice")

    assert (order.customer.sub, order.customer.name, order.customer.shipping_address) == (
        "ada",
        "Name of ada",
        "1 Assay Lane",
    )
    assert (order.status, order.total_cents, order.note) == (Status.PLACED, 5_000, "ring twice")
    assert order.created_at == datetime.fromtimestamp(clock(), UTC)


def test_the_same_key_and_request_is_the_same_order_and_asks_nobody_again(shop, profiles):
    first = place(shop, key="k")

    assert place(shop, key="k") == first
    assert len(profiles.asked) == 1


def test_the_same_key_tells_of_the_order_as_placed_though_it_was_cancelled(shop):
    first = place(shop, key="k")
    shop.cancel("ada", str(first.id))

    assert place(shop, key="k") == first


def test_the_same_key_with_another_request_is_refused(shop):
    place(shop, key="k")

    with pytest.raises(IdempotencyKeyReused):
        place(shop, key="k", items=(("STONE-BLK", 3),))


def test_a_key_is_the_customers_own(shop):
    assert place(shop, "ada", key="k").id != place(shop, "bob", key="k").id


def test_without_a_key_every_request_is_an_order_of_its_own(shop):
    assert place(shop).id != place(shop).id


def test_an_order_that_could_not_be_placed_leaves_nothing_and_its_key_free(shop, profiles):
    profiles.error = ProfilesUnavailable(7)
    with pytest.raises(ProfilesUnavailable):
        place(shop, key="k")
    assert shop.page("ada", None, 10) == ([], None)

    profiles.error = None
    order = place(shop, key="k", items=(("GOLD-LEAF", 1),))
    assert shop.page("ada", None, 10)[0] == [order]


def test_a_product_that_does_not_exist_is_found_before_anybody_is_asked(shop, profiles):
    with pytest.raises(UnknownProduct):
        place(shop, items=(("GONE", 1),))

    assert profiles.asked == []


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
def test_an_order_is_seen_by_its_customer_and_by_who_reads_all(shop, caller, seen):
    order = place(shop)

    if seen:
        assert shop.see(caller, str(order.id)) == order
    else:
        with pytest.raises(OrderNotFound):
            shop.see(caller, str(order.id))


def test_a_cancelled_order_stays_as_it_is(shop, clock):
    order = place(shop)
    cancelled = shop.cancel("ada", str(order.id))
    clock.advance(60)

    assert cancelled.status is Status.CANCELLED
    assert shop.cancel("ada", str(order.id)) == cancelled


def test_who_reads_all_still_cancels_only_their_own(shop):
    with pytest.raises(OrderNotFound):
        shop.cancel("root", str(place(shop).id))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "1",
        str(RANDOM).upper(),
        RANDOM.hex,
        f"{{{RANDOM}}}",
        f"urn:uuid:{RANDOM}",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "x" * 10_000,
        "\x00",
    ],
)
def test_whatever_is_no_canonical_random_uuid_names_no_order(text):
    with pytest.raises(OrderNotFound):
        parse_id(text)
