"""Price lists in CSV."""

import io

import pytest
from orders_service.domain.price_list import FAULTS_MAX, InvalidPriceList, parse
from orders_service.domain.product import Product

HEADER = "sku,name,price_cents,currency\n"


def read(text):
    return parse(io.StringIO(text, newline=""))


def test_parse_returns_product_of_each_line():
    assert read(HEADER + 'A-1,"Stone, black",2500,EUR\nB-2,Leaf,0,USD\n') == [
        Product("A-1", "Stone, black", 2_500, "EUR"),
        Product("B-2", "Leaf", 0, "USD"),
    ]


def test_columns_have_any_order():
    assert read("currency,sku,price_cents,name\nEUR,A,1,Stone\n") == [Product("A", "Stone", 1, "EUR")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "columns"),
        ("sku,name,price_cents\n", "columns"),
        ("sku,name,price_cents,currency,stock\n", "columns"),
        ("sku,sku,name,price_cents,currency\n", "columns"),
        (HEADER, "no products"),
        (HEADER + "A,Stone,1\n", "line 2: must have 4 fields"),
        (HEADER + "A,Stone,1,EUR,7\n", "line 2: must have 4 fields"),
        (HEADER + "A,Stone,1.5,EUR\n", "line 2: price_cents"),
        (HEADER + "A,Stone,-1,EUR\n", "line 2: price_cents"),
        (HEADER + "A,Stone,,EUR\n", "line 2: price_cents"),
        (HEADER + "A,Stone,٣,EUR\n", "line 2: price_cents"),
        (HEADER + "A,Stone,999999999999,EUR\n", "line 2: price_cents"),
        (HEADER + f"A,Stone,{'9' * 5000},EUR\n", "line 2: price_cents"),
        (HEADER + "A B,Stone,1,EUR\n", "line 2: sku"),
        (HEADER + "A,Stone,1,EUR\nA,Leaf,1,EUR\n", "line 3: sku: A is on two lines"),
        (HEADER + '"A"x,Stone,1,EUR\n', "not CSV"),
        (HEADER + f'"{"x" * 200_000}",Stone,1,EUR\n', "not CSV"),
    ],
)
def test_fault_names_its_line(text, fault):
    with pytest.raises(InvalidPriceList, match=fault):
        read(text)


def test_faults_are_all_named_up_to_a_bound():
    with pytest.raises(InvalidPriceList) as few:
        read(HEADER + "?,Stone,1,EUR\nA,Stone,x,EUR\n")
    with pytest.raises(InvalidPriceList) as many:
        read(HEADER + "?,Stone,1,EUR\n" * 1_000)

    assert (len(few.value.faults), len(many.value.faults)) == (2, FAULTS_MAX)


def test_number_of_products_is_bounded():
    with pytest.raises(InvalidPriceList, match="more than 100000"):
        read(HEADER + "".join(f"P{n},Thing,1,EUR\n" for n in range(100_001)))
