"""Orders: the record, its rules, and the port to its storage."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol, Self, TypeGuard

from touchstone.text import is_line

from orders_service.domain.customer import Customer
from orders_service.domain.errors import InvalidOrder, OrderNotFound, UnknownProduct
from orders_service.domain.product import Product

LINES_MAX: Final = 50
QUANTITY_MAX: Final = 1_000
NOTE_MAX: Final = 500
TOTAL_MAX_CENTS: Final = 1_000_000_000_000
PAGE_MAX: Final = 100
PAGE_DEFAULT: Final = 20
IDEMPOTENCY_KEY_MAX: Final = 255
UUID_VERSION: Final = 4

_BETWEEN_LINES: Final = str.maketrans("", "", "\t\n\r")


class Status(StrEnum):
    """The status of an order."""

    PLACED = "placed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewLine:
    """One line of a new order."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A new order, not yet priced. Raise `InvalidOrder` outside of the bounds, and for a SKU on two lines."""

    lines: tuple[NewLine, ...]
    note: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.lines) <= LINES_MAX:
            raise InvalidOrder(f"items: must have 1 to {LINES_MAX} lines")
        seen: set[str] = set()
        for line in self.lines:
            if not 1 <= line.quantity <= QUANTITY_MAX:
                raise InvalidOrder(f"quantity: must be 1 to {QUANTITY_MAX}", sku=line.sku)
            if line.sku in seen:
                raise InvalidOrder(
                    f"items: the SKU {line.sku} is on two lines; add them together", sku=line.sku
                )
            seen.add(line.sku)
        if self.note is not None and not is_text(self.note, NOTE_MAX):
            raise InvalidOrder(f"note: must be text of at most {NOTE_MAX} characters")

    def fingerprint(self) -> str:
        """Return a SHA-256 (hexadecimal), the same for two new orders if and only if they are equal."""
        canonical = [[[line.sku, line.quantity] for line in self.lines], self.note]
        return hashlib.sha256(json.dumps(canonical).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order, with the product's name and price when the order was placed."""

    sku: str
    name: str
    quantity: int
    unit_price_cents: int

    @property
    def line_total_cents(self) -> int:
        """The line's price, in cents."""
        return self.quantity * self.unit_price_cents


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Times are Unix seconds, `id` is a random UUID (version 4)."""

    id: uuid.UUID
    status: Status
    lines: tuple[Line, ...]
    currency: str
    customer: Customer
    note: str | None
    created_at: float
    cancelled_at: float | None = None

    @property
    def total_cents(self) -> int:
        """The order's price, in cents; at most `TOTAL_MAX_CENTS`."""
        return sum(line.line_total_cents for line in self.lines)

    def as_placed(self) -> Self:
        """Return the order as it was when it was placed."""
        return replace(self, status=Status.PLACED, cancelled_at=None)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A customer's key for one order, and the fingerprint of the order."""

    value: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Position:
    """The last order of a page; the next page has the older ones."""

    created_at: float
    id: uuid.UUID


class Orders(Protocol):
    """Where orders are kept.

    Every method may raise `StorageUnavailable`; then nothing was changed, or (if only the database's response was
    lost) everything was, never a part.
    """

    def get(self, order_id: uuid.UUID) -> Order | None:
        """Return the order, or None."""

    def find_by_key(self, sub: str, key: IdempotencyKey) -> Order | None:
        """Return the order that `sub` placed with this key; raise `IdempotencyKeyReused` if its fingerprint differs."""

    def list_page(self, sub: str, before: Position | None, limit: int) -> Sequence[Order]:
        """Return up to `limit` orders of `sub` older than `before`, newest first."""

    def add(self, order: Order, key: IdempotencyKey | None) -> Order:
        """Store the order with its lines in one transaction, and return it.

        If its customer has an order with this key, store nothing and return that one, or raise `IdempotencyKeyReused`
        if its fingerprint differs. Concurrent calls with one key store one order.
        """

    def cancel(self, order_id: uuid.UUID, sub: str, at: float) -> Order | None:
        """Cancel the order of `sub` if it is placed; return it as it is then, or None if `sub` has no such order."""


def price(order: NewOrder, products: Mapping[str, Product]) -> tuple[tuple[Line, ...], str]:
    """Return the lines with the products' names and prices, and their one currency.

    Raise `UnknownProduct` for a SKU not in `products`, `InvalidOrder` for several currencies or a total above
    `TOTAL_MAX_CENTS`.
    """
    lines = []
    currencies = set()
    for line in order.lines:
        product = products.get(line.sku)
        if product is None:
            raise UnknownProduct(line.sku)
        lines.append(Line(product.sku, product.name, line.quantity, product.price_cents))
        currencies.add(product.currency)
    if len(currencies) > 1:
        raise InvalidOrder("items: must have one currency, not " + ", ".join(sorted(currencies)))
    if sum(line.line_total_cents for line in lines) > TOTAL_MAX_CENTS:
        raise InvalidOrder(f"items: the total must be at most {TOTAL_MAX_CENTS} cents")
    return tuple(lines), currencies.pop()


def parse_id(text: str) -> uuid.UUID:
    """Return the id whose canonical form is `text`; raise `OrderNotFound` for any other text."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        raise OrderNotFound from None
    if parsed.version != UUID_VERSION or str(parsed) != text:
        raise OrderNotFound
    return parsed


def is_text(value: object, longest: int) -> TypeGuard[str]:
    """Return whether `value` is text of at most `longest` characters whose lines satisfy `is_line`."""
    return isinstance(value, str) and len(value) <= longest and is_line(value.translate(_BETWEEN_LINES))
