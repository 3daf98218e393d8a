"""The rules of orders."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders_service.domain.errors import InvalidOrder, OrderNotFound, UnknownProduct
from orders_service.domain.order import TOTAL_MAX_CENTS, NewLine, NewOrder, parse_id, price
from orders_service.domain.product import PRICE_MAX_CENTS, Product

STONE, LEAF = Product("STONE", "Stone", 2_500, "EUR"), Product("LEAF", "Leaf", 4_990, "EUR")
RANDOM = uuid.UUID("b65929ce-ba9b-4474-be77-48a8d9fe51f2")
PRODUCTS = {product.sku: product for product in (STONE, LEAF)}


def new_order(*items, note=None):
    return NewOrder(tuple(NewLine(*item) for item in items), note)


def test_price_takes_names_and_prices_of_products():
    lines, currency = price(new_order(("STONE", 3), ("LEAF", 1)), PRODUCTS)

    assert [(line.name, line.unit_price_cents, line.line_total_cents) for line in lines] == [
        ("Stone", 2_500, 7_500),
        ("Leaf", 4_990, 4_990),
    ]
    assert currency == "EUR"


def test_price_names_unknown_product():
    with pytest.raises(UnknownProduct, match="GONE") as unknown:
        price(new_order(("STONE", 1), ("GONE", 1)), PRODUCTS)

    assert unknown.value.extra == {"sku": "GONE"}


def test_price_refuses_two_currencies():
    table = PRODUCTS | {"PIN": Product("PIN", "Pin", 100, "USD")}

    with pytest.raises(InvalidOrder, match="EUR, USD"):
        price(new_order(("STONE", 1), ("PIN", 1)), table)


def test_price_refuses_excessive_total():
    table = {f"P{n}": Product(f"P{n}", "Gold", PRICE_MAX_CENTS, "EUR") for n in range(11)}

    assert price(new_order(*((f"P{n}", 1_000) for n in range(10))), table)
    with pytest.raises(InvalidOrder, match=str(TOTAL_MAX_CENTS)):
        price(new_order(*((f"P{n}", 1_000) for n in range(11))), table)


@given(st.lists(st.tuples(st.integers(0, PRICE_MAX_CENTS), st.integers(1, 1_000)), min_size=1, max_size=9))
def test_price_total_is_exact_sum(lines):
    table = {f"P{n}": Product(f"P{n}", "Thing", cents, "EUR") for n, (cents, _) in enumerate(lines)}

    priced, _ = price(new_order(*((f"P{n}", quantity) for n, (_, quantity) in enumerate(lines))), table)

    assert sum(line.line_total_cents for line in priced) == sum(cents * quantity for cents, quantity in lines)


@pytest.mark.parametrize("count", [0, 51])
def test_new_order_has_one_to_fifty_lines(count):
    with pytest.raises(InvalidOrder, match="50"):
        new_order(*((f"P{n}", 1) for n in range(count)))


@pytest.mark.parametrize("quantity", [0, -1, 1_001])
def test_quantity_is_one_to_a_thousand(quantity):
    with pytest.raises(InvalidOrder, match="1000"):
        new_order(("STONE", quantity))


def test_new_order_refuses_sku_on_two_lines():
    with pytest.raises(InvalidOrder, match="STONE is on two lines"):
        new_order(("STONE", 1), ("LEAF", 1), ("STONE", 1))


@pytest.mark.parametrize("note", ["x" * 501, "a\x00b", "a\x1bb", "a\u202eb", "\udfff"])
def test_note_invalid_is_refused(note):
    with pytest.raises(InvalidOrder, match="note"):
        new_order(("STONE", 1), note=note)


def test_note_may_have_lines():
    assert (
        new_order(("STONE", 1), note="ring\ttwice\r\nthen\u200d wait").note
        == "ring\ttwice\r\nthen\u200d wait"
    )


@pytest.mark.parametrize(
    "other",
    [
        new_order(("STONE", 2)),
        new_order(("LEAF", 1)),
        new_order(("STONE", 1), ("LEAF", 1)),
        new_order(("STONE", 1), note="x"),
        new_order(("STONE", 1), note=""),
    ],
)
def test_fingerprints_of_different_orders_differ(other):
    assert new_order(("STONE", 1)).fingerprint() != other.fingerprint()


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
def test_parse_id_accepts_canonical_uuid4_only(text):
    with pytest.raises(OrderNotFound):
        parse_id(text)
