"""Price lists: CSV files of products."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Final

from orders_service.domain.errors import InvalidProduct, OrdersError
from orders_service.domain.product import Product

COLUMNS: Final = ("sku", "name", "price_cents", "currency")
PRODUCTS_MAX: Final = 100_000
FAULTS_MAX: Final = 20

_CENTS: Final = re.compile(r"[0-9]{1,12}\Z")


class InvalidPriceList(OrdersError):  # noqa: N818 - named for its cause
    """The file is no price list; `faults` has one line for each reason, at most `FAULTS_MAX`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def parse(lines: Iterable[str]) -> list[Product]:
    """Return the products of a CSV file (RFC 4180) whose first row names the four `COLUMNS`, in any order.

    Raise `InvalidPriceList` with all faults; no product of such a file is used.
    """
    rows = csv.DictReader(lines, strict=True)
    faults: list[str] = []
    found: dict[str, Product] = {}
    try:
        if sorted(rows.fieldnames or ()) != sorted(COLUMNS):
            raise InvalidPriceList(["line 1: the columns must be " + ",".join(COLUMNS)])
        for row in rows:
            try:
                product = _product(row)
                if product.sku in found:
                    raise InvalidProduct(f"sku: {product.sku} is on two lines")
                found[product.sku] = product
            except InvalidProduct as fault:
                faults.append(f"line {rows.line_num}: {fault}")
            if len(faults) >= FAULTS_MAX or len(found) > PRODUCTS_MAX:
                break
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: not CSV ({error})")
    if len(found) > PRODUCTS_MAX:
        faults.append(f"more than {PRODUCTS_MAX} products")
    if not found and not faults:
        faults.append("no products")
    if faults:
        raise InvalidPriceList(faults)
    return list(found.values())


def _product(row: dict[str, str]) -> Product:
    cells = [row.get(column) for column in COLUMNS]
    if None in row or None in cells:
        raise InvalidProduct(f"must have {len(COLUMNS)} fields")
    sku, name, cents, currency = (cell or "" for cell in cells)
    if _CENTS.match(cents) is None:
        raise InvalidProduct("price_cents: must be a whole number of cents, in digits")
    return Product(sku, name, int(cents), currency).checked()
