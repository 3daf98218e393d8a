"""What the tests of orders-service share: stand-ins for what it stands on, and the databases."""

import shutil
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from orders_service.app import create_app
from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused
from orders_service.domain.order import Status
from orders_service.domain.product import DEMO_PRODUCTS
from orders_service.settings import Settings
from orders_service.storage import MIGRATIONS
from orders_service.storage.orders import SqlOrders
from orders_service.storage.products import SqlCatalogue
from orders_service.use_cases import Shop
from testkit.clock import FakeClock
from testkit.database import database_at, migrate, postgresql_url
from testkit.keys import make_rsa
from testkit.token_verifier import FakeTokenVerifier


class Profiles:
    """Stands in for users-service: every customer has a profile, unless told to raise ``error``."""

    def __init__(self):
        self.error = None
        self.asked = []

    def fetch(self, sub, subject_token):
        self.asked.append((sub, subject_token))
        if self.error is not None:
            raise self.error
        return Customer(sub, f"Name of {sub}", "1 Assay Lane")


class MemoryCatalogue:
    """The domain's ``Catalogue`` in a dictionary."""

    def __init__(self):
        self.rows = {}

    def page(self, after, limit):
        return [self.rows[sku] for sku in sorted(self.rows) if after is None or sku > after][:limit]

    def find(self, skus):
        return {sku: self.rows[sku] for sku in skus if sku in self.rows}

    def add_missing(self, products):
        for product in products:
            self.rows.setdefault(product.sku, product)

    def put(self, products):
        self.rows |= {product.sku: product for product in products}


class MemoryOrders:
    """The domain's ``Orders`` in dictionaries."""

    def __init__(self):
        self.rows = {}
        self.keys = {}

    def add(self, order, key):
        known = self.by_key(order.customer.sub, key) if key else None
        if known is None:
            self.rows[order.id] = order
        if known is None and key:
            self.keys[order.customer.sub, key.value] = (key.fingerprint, order.id)
        return known or order

    def by_key(self, sub, key):
        fingerprint, order_id = self.keys.get((sub, key.value), (None, None))
        if order_id is None:
            return None
        if fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        return self.rows[order_id]

    def find(self, order_id):
        return self.rows.get(order_id)

    def page(self, sub, before, limit):
        own = [order for order in self.rows.values() if order.customer.sub == sub]
        own.sort(key=lambda order: (order.created_at, order.id.hex), reverse=True)
        if before is not None:
            own = [o for o in own if (o.created_at, o.id.hex) < (before.created_at, before.id.hex)]
        return own[:limit]

    def cancel(self, order_id, sub, at):
        order = self.rows.get(order_id)
        if order is None or order.customer.sub != sub:
            return None
        if order.status is Status.PLACED:
            self.rows[order_id] = replace(order, status=Status.CANCELLED, cancelled_at=at)
        return self.rows[order_id]


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000)


@pytest.fixture
def profiles():
    return Profiles()


@pytest.fixture
def shop(profiles, clock):
    """A shop with the demo's products, all in memory."""
    catalogue = MemoryCatalogue()
    catalogue.add_missing(DEMO_PRODUCTS)
    return Shop(catalogue, MemoryOrders(), profiles, clock)


@pytest.fixture
def tokens():
    return FakeTokenVerifier("orders-service")


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory):
    """A keys folder with this service's client key."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "clients").mkdir()
    pem = make_rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "clients" / "orders-service.pem").write_bytes(pem)
    return folder


@pytest.fixture
def make_app(sqlite_file, keys_dir, tokens, profiles, clock):
    """Make the app over a SQLite file of this test, with the demo's products."""
    apps = []

    def make(*, demo=True, **options):
        url = f"sqlite:///{sqlite_file}"
        settings = Settings(database_url=url, keys_dir=keys_dir, demo=demo, log_level="CRITICAL")
        apps.append(
            create_app(settings, **({"profiles": profiles, "issuer": tokens, "now": clock} | options))
        )
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["database"].engine.dispose()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def sqlite_migrated(tmp_path_factory):
    """A SQLite file with the tables and no rows, made once for all tests; copy it."""
    file = tmp_path_factory.mktemp("migrated") / "orders.db"
    migrate(f"sqlite:///{file}", MIGRATIONS)
    return file


@pytest.fixture
def sqlite_file(sqlite_migrated, tmp_path):
    return shutil.copy(sqlite_migrated, tmp_path / "orders.db")


@pytest.fixture
def sqlite(sqlite_file):
    with database_at(f"sqlite:///{sqlite_file}") as database:
        yield database


@pytest.fixture(scope="session")
def postgresql_migrated():
    """The URL of a PostgreSQL database with the tables and no rows, made once for all tests; copy it."""
    with postgresql_url() as url:
        migrate(url, MIGRATIONS)
        yield url


@pytest.fixture
def postgresql(postgresql_migrated):
    with postgresql_url(postgresql_migrated) as url, database_at(url) as database:
        yield database


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def orders(request):
    """Every implementation of the port ``Orders`` in turn, the tests' own one too."""
    return MemoryOrders() if request.param == "memory" else SqlOrders(request.getfixturevalue(request.param))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def catalogue(request):
    """Every implementation of the port ``Catalogue`` in turn, the tests' own one too."""
    return (
        MemoryCatalogue()
        if request.param == "memory"
        else SqlCatalogue(request.getfixturevalue(request.param))
    )
