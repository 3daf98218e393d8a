"""The rules of products."""

import pytest
from orders_service.domain.errors import InvalidProduct
from orders_service.domain.product import PRICE_MAX_CENTS, Product


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
def test_invalid_product_is_refused(sku, name, cents, currency):
    with pytest.raises(InvalidProduct):
        Product(sku, name, cents, currency).checked()
