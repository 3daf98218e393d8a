"""Products: the record, its rules, and the port to its storage."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from touchstone.text import is_blank, is_line

from orders_service.domain.errors import InvalidProduct

SKU_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NAME_MAX: Final = 200
PRICE_MAX_CENTS: Final = 100_000_000
PAGE_MAX: Final = 500
PAGE_DEFAULT: Final = 100

_SKU: Final = re.compile(SKU_PATTERN.removesuffix("$") + r"\Z")
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")


@dataclass(frozen=True, slots=True)
class Product:
    """A product. `price_cents` is in hundredths of `currency` (ISO 4217)."""

    sku: str
    name: str
    price_cents: int
    currency: str

    def checked(self) -> Self:
        """Return the product itself; raise `InvalidProduct` if a value breaks a rule. For products from outside."""
        if not is_sku(self.sku):
            raise InvalidProduct(
                "sku: must have 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit"
            )
        if is_blank(self.name) or len(self.name) > NAME_MAX:
            raise InvalidProduct(f"name: must have 1 to {NAME_MAX} characters, not only blanks")
        if not is_line(self.name):
            raise InvalidProduct("name: must not contain control characters or line breaks")
        if not 0 <= self.price_cents <= PRICE_MAX_CENTS:
            raise InvalidProduct(f"price_cents: must be a whole number from 0 to {PRICE_MAX_CENTS}")
        if _CURRENCY.match(self.currency) is None:
            raise InvalidProduct("currency: must have three capital letters (ISO 4217)")
        return self


def is_sku(text: str) -> bool:
    """Return whether a product may have this SKU."""
    return _SKU.match(text) is not None


class Products(Protocol):
    """Where products are kept. Every method may raise `StorageUnavailable`."""

    def list_page(self, after: str | None, limit: int) -> Sequence[Product]:
        """Return up to `limit` products with a SKU greater than `after`, ascending by SKU."""

    def find_by_skus(self, skus: Collection[str]) -> Mapping[str, Product]:
        """Return the products with these SKUs, by SKU; unknown ones are missing."""

    def add_missing(self, products: Iterable[Product]) -> None:
        """Add the products with a new SKU; the others stay. Concurrent calls are safe."""

    def add_or_replace(self, products: Iterable[Product]) -> None:
        """Add or replace all these products, or none of them."""


DEMO_PRODUCTS: Final = (
    Product("ASSAY-KIT", "Assay kit, five acids", 12_900, "EUR"),
    Product("GOLD-LEAF", "Gold leaf, 25 sheets", 4_990, "EUR"),
    Product("LOUPE-10X", "Jeweller's loupe, 10x", 3_450, "EUR"),
    Product("SCALE-001", "Precision scale, 0.01 g", 8_900, "EUR"),
    Product("STONE-BLK", "Touchstone, black basanite", 2_500, "EUR"),
    Product("TEST-NEEDLES", "Touch needles, set of 12", 5_750, "EUR"),
)
