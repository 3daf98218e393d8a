"""Products in a SQL database; the same statements on SQLite and PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from service_kit.database import Database, outages_as
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from orders_service.domain.errors import StorageUnavailable
from orders_service.domain.product import Product
from orders_service.storage.tables import products

# Made once; the columns are in the order of the record's members. No SKU is empty.
_COLUMNS: Final = (products.c.sku, products.c.name, products.c.price_cents, products.c.currency)
_PAGE: Final = (
    select(*_COLUMNS)
    .where(products.c.sku > bindparam("after"))
    .order_by(products.c.sku)
    .limit(bindparam("limit"))
)
_FIND: Final = select(*_COLUMNS).where(products.c.sku.in_(bindparam("skus", expanding=True)))


class SqlCatalogue:
    """The domain's ``Catalogue`` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert if database.engine.dialect.name == "postgresql" else sqlite.insert

    def page(self, after: str | None, limit: int) -> Sequence[Product]:
        """Return up to ``limit`` products with a SKU greater than ``after``, ascending by SKU."""
        with outages_as(StorageUnavailable):
            return [Product(*row) for row in self._database.fetch(_PAGE, after=after or "", limit=limit)]

    def find(self, skus: Collection[str]) -> Mapping[str, Product]:
        """Return those of ``skus`` that there are, by SKU."""
        with outages_as(StorageUnavailable), self._database.read() as session:
            return {row[0]: Product(*row) for row in session.execute(_FIND, {"skus": list(skus)})}

    def add_missing(self, wanted: Iterable[Product]) -> None:
        """Add the products whose SKU is new; leave the others as they are. Safe to run at once, and again."""
        rows = _in_order(wanted)
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(self._insert(products).on_conflict_do_nothing(index_elements=["sku"]), rows)

    def put(self, wanted: Iterable[Product]) -> None:
        """Add or replace every one of ``wanted`` in one transaction."""
        rows = _in_order(wanted)
        statement = self._insert(products)
        replacing = statement.on_conflict_do_update(
            index_elements=["sku"],
            set_={name: statement.excluded[name] for name in ("name", "price_cents", "currency")},
        )
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(replacing, rows)


def _in_order(products: Iterable[Product]) -> list[dict[str, object]]:
    """Return the rows, in one order for everybody: two writers at once wait for each other and cannot deadlock."""
    return [asdict(product) for product in sorted(products, key=lambda product: product.sku)]
