"""What every implementation of `Products` must do."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from orders_service.domain.product import DEMO_PRODUCTS, Product
from orders_service.storage.products import SqlProducts

STONE, LEAF, PIN = (Product(sku, sku.title(), 100, "EUR") for sku in ("STONE", "LEAF", "pin"))


def test_pages_are_in_bytewise_order(products):
    products.add_or_replace([PIN, STONE, LEAF])

    assert list(products.list_page(None, 10)) == [LEAF, STONE, PIN]
    assert list(products.list_page("LEAF", 1)) == [STONE]
    assert list(products.list_page("pin", 10)) == []


def test_find_by_skus_omits_unknown(products):
    products.add_or_replace([STONE, LEAF])

    assert products.find_by_skus({"STONE", "GONE"}) == {"STONE": STONE}


def test_add_or_replace_keeps_other_products(products):
    products.add_or_replace([STONE, LEAF])
    dearer = Product("STONE", "Black stone", 200, "USD")

    products.add_or_replace([dearer])

    assert products.find_by_skus({"STONE", "LEAF"}) == {"STONE": dearer, "LEAF": LEAF}


def test_add_missing_keeps_existing_products(products):
    dearer = Product("STONE", "Black stone", 200, "USD")
    products.add_or_replace([dearer])

    products.add_missing([STONE, LEAF])

    assert products.find_by_skus({"STONE", "LEAF"}) == {"STONE": dearer, "LEAF": LEAF}


@pytest.mark.parametrize("method", ["add_missing", "add_or_replace"])
def test_concurrent_writes_neither_fail_nor_double(database, method):
    products, start = SqlProducts(database), threading.Barrier(6)

    def fill(number):
        start.wait()
        getattr(products, method)(DEMO_PRODUCTS if number % 2 else DEMO_PRODUCTS[::-1])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(fill, range(6)))

    assert tuple(products.list_page(None, 100)) == DEMO_PRODUCTS
