"""Products in the database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final, cast

from service_kit.database import Database, outages_as
from sqlalchemy import Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from orders_service.domain.errors import StorageUnavailable
from orders_service.domain.product import Product
from orders_service.storage.tables import ProductRow

_TABLE: Final = cast("Table", ProductRow.__table__)
_row: Final = _TABLE.c
# The columns are in the order of the record's members. No SKU is empty.
_PAGE: Final = (
    select(_TABLE).where(_row.sku > bindparam("after")).order_by(_row.sku).limit(bindparam("limit"))
)
_FIND: Final = select(_TABLE).where(_row.sku.in_(bindparam("skus", expanding=True)))


class SqlProducts:
    """`Products` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert if database.engine.dialect.name == "postgresql" else sqlite.insert

    def list_page(self, after: str | None, limit: int) -> Sequence[Product]:
        with outages_as(StorageUnavailable):
            return [Product(*row) for row in self._database.fetch(_PAGE, after=after or "", limit=limit)]

    def find_by_skus(self, skus: Collection[str]) -> Mapping[str, Product]:
        with outages_as(StorageUnavailable), self._database.read() as session:
            return {row[0]: Product(*row) for row in session.execute(_FIND, {"skus": list(skus)})}

    def add_missing(self, products: Iterable[Product]) -> None:
        rows = _rows(products)
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(self._insert(_TABLE).on_conflict_do_nothing(index_elements=["sku"]), rows)

    def add_or_replace(self, products: Iterable[Product]) -> None:
        rows = _rows(products)
        statement = self._insert(_TABLE)
        replacing = statement.on_conflict_do_update(
            index_elements=["sku"],
            set_={name: statement.excluded[name] for name in ("name", "price_cents", "currency")},
        )
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(replacing, rows)


def _rows(products: Iterable[Product]) -> list[dict[str, object]]:
    """Return the rows by SKU: concurrent writers lock them in one order and cannot deadlock."""
    return [asdict(product) for product in sorted(products, key=lambda product: product.sku)]
