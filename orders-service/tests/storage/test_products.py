"""What every implementation of the port ``Catalogue`` holds to."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from orders_service.domain.product import DEMO_PRODUCTS, Product
from orders_service.storage.products import SqlCatalogue

STONE, LEAF, PIN = (Product(sku, sku.title(), 100, "EUR") for sku in ("STONE", "LEAF", "pin"))


def test_pages_are_in_bytewise_order_and_start_after_the_border(catalogue):
    catalogue.put([PIN, STONE, LEAF])

    assert list(catalogue.page(None, 10)) == [LEAF, STONE, PIN]
    assert list(catalogue.page("LEAF", 1)) == [STONE]
    assert list(catalogue.page("pin", 10)) == []


def test_what_is_there_is_found_by_sku(catalogue):
    catalogue.put([STONE, LEAF])

    assert catalogue.find({"STONE", "GONE"}) == {"STONE": STONE}


def test_putting_replaces_and_keeps_the_rest(catalogue):
    catalogue.put([STONE, LEAF])
    dearer = Product("STONE", "Black stone", 200, "USD")

    catalogue.put([dearer])

    assert catalogue.find({"STONE", "LEAF"}) == {"STONE": dearer, "LEAF": LEAF}


def test_adding_what_is_missing_leaves_what_is_there(catalogue):
    dearer = Product("STONE", "Black stone", 200, "USD")
    catalogue.put([dearer])

    catalogue.add_missing([STONE, LEAF])

    assert catalogue.find({"STONE", "LEAF"}) == {"STONE": dearer, "LEAF": LEAF}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("method", ["add_missing", "put"])
def test_several_at_once_neither_fail_nor_double(engine, method, request):
    catalogue, start = SqlCatalogue(request.getfixturevalue(engine)), threading.Barrier(6)

    def fill(number):
        start.wait()
        getattr(catalogue, method)(DEMO_PRODUCTS if number % 2 else DEMO_PRODUCTS[::-1])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(fill, range(6)))

    assert tuple(catalogue.page(None, 100)) == DEMO_PRODUCTS
