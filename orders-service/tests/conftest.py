"""Fakes of the ports, and the fixtures of the tests."""

from dataclasses import replace

import pytest
from orders_service.app import create_app
from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused
from orders_service.domain.order import Status
from orders_service.domain.product import DEMO_PRODUCTS
from orders_service.settings import Settings
from orders_service.storage import MIGRATIONS
from orders_service.storage.orders import SqlOrders
from orders_service.storage.products import SqlProducts
from orders_service.use_cases import UseCases
from testkit.keys import write_client_key
from testkit.service_fixtures import *  # noqa: F403 - fixtures
from testkit.token_verifier import FakeTokenVerifier


class FakeCustomers:
    """`Customers` with a profile for every subject, or raising `error`; `requested` has each (sub, token)."""

    def __init__(self):
        self.error = None
        self.requested = []

    def get(self, sub, token):
        self.requested.append((sub, token))
        if self.error is not None:
            raise self.error
        return Customer(sub, f"Name of {sub}", "1 Assay Lane")


class FakeProducts:
    """`Products` in a dictionary."""

    def __init__(self):
        self.rows = {}

    def list_page(self, after, limit):
        return [self.rows[sku] for sku in sorted(self.rows) if after is None or sku > after][:limit]

    def find_by_skus(self, skus):
        return {sku: self.rows[sku] for sku in skus if sku in self.rows}

    def add_missing(self, products):
        for product in products:
            self.rows.setdefault(product.sku, product)

    def add_or_replace(self, products):
        self.rows |= {product.sku: product for product in products}


class FakeOrders:
    """`Orders` in dictionaries."""

    def __init__(self):
        self.rows = {}
        self.keys = {}

    def get(self, order_id):
        return self.rows.get(order_id)

    def find_by_key(self, sub, key):
        fingerprint, order_id = self.keys.get((sub, key.value), (None, None))
        if order_id is None:
            return None
        if fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        return self.rows[order_id]

    def list_page(self, sub, before, limit):
        own = [order for order in self.rows.values() if order.customer.sub == sub]
        own.sort(key=lambda order: (order.created_at, order.id.hex), reverse=True)
        if before is not None:
            own = [o for o in own if (o.created_at, o.id.hex) < (before.created_at, before.id.hex)]
        return own[:limit]

    def add(self, order, key):
        known = self.find_by_key(order.customer.sub, key) if key else None
        if known is None:
            self.rows[order.id] = order
        if known is None and key:
            self.keys[order.customer.sub, key.value] = (key.fingerprint, order.id)
        return known or order

    def cancel(self, order_id, sub, at):
        order = self.rows.get(order_id)
        if order is None or order.customer.sub != sub:
            return None
        if order.status is Status.PLACED:
            self.rows[order_id] = replace(order, status=Status.CANCELLED, cancelled_at=at)
        return self.rows[order_id]


@pytest.fixture(scope="session")
def migrations():
    return MIGRATIONS


@pytest.fixture
def customers():
    return FakeCustomers()


@pytest.fixture
def use_cases(customers, clock):
    """The use cases with the demo's products, over fakes."""
    products = FakeProducts()
    products.add_missing(DEMO_PRODUCTS)
    return UseCases.of(products, FakeOrders(), customers, clock)


@pytest.fixture
def tokens():
    return FakeTokenVerifier("orders-service")


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory):
    """A keys folder with this service's client key."""
    folder = tmp_path_factory.mktemp("keys")
    write_client_key(folder, "orders-service")
    return folder


@pytest.fixture
def create(sqlite_file, keys_dir, tokens, customers, clock):
    def create(*, demo=True):
        url = f"sqlite:///{sqlite_file}"
        settings = Settings(database_url=url, keys_dir=keys_dir, demo=demo, log_level="CRITICAL")
        return create_app(settings, customers=customers, issuer=tokens, now=clock)

    return create


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def orders(request):
    """Every implementation of `Orders` in turn."""
    return FakeOrders() if request.param == "fake" else SqlOrders(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def products(request):
    """Every implementation of `Products` in turn."""
    return FakeProducts() if request.param == "fake" else SqlProducts(request.getfixturevalue(request.param))
