"""Orders: what one is, and how one is made from what a customer asks for."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, Self, TypeGuard
from uuid import UUID

from touchstone.text import is_line

from orders_service.domain.customer import Customer
from orders_service.domain.errors import InvalidOrder, UnknownProduct
from orders_service.domain.product import Product

LINES_MAX: Final = 50
QUANTITY_MAX: Final = 1_000
NOTE_MAX: Final = 500
TOTAL_MAX_CENTS: Final = 1_000_000_000_000
PAGE_MAX: Final = 100
PAGE_DEFAULT: Final = 20
IDEMPOTENCY_KEY_MAX: Final = 255

_BETWEEN_LINES: Final = str.maketrans("", "", "\t\n\r")


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as asked for."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Request:
    """An order as asked for. Made only within the bounds, else ``InvalidOrder``; a SKU stands on one line only."""

    items: tuple[Wanted, ...]
    note: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.items) <= LINES_MAX:
            raise InvalidOrder(f"items: 1 to {LINES_MAX} lines")
        seen: set[str] = set()
        for item in self.items:
            if not 1 <= item.quantity <= QUANTITY_MAX:
                raise InvalidOrder(f"quantity: 1 to {QUANTITY_MAX}", sku=item.sku)
            if item.sku in seen:
                raise InvalidOrder(
                    f"items: the SKU {item.sku} stands on two lines; add them up", sku=item.sku
                )
            seen.add(item.sku)
        if self.note is not None and not is_text(self.note, NOTE_MAX):
            raise InvalidOrder(f"note: at most {NOTE_MAX} characters of text")

    def fingerprint(self) -> str:
        """Return a SHA-256 (hexadecimal) that two requests share if and only if they ask for the same."""
        canonical = [[[item.sku, item.quantity] for item in self.items], self.note]
        return hashlib.sha256(json.dumps(canonical).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Line:
    """One line as sold: name and price are those of the moment of the order."""

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
    """An order. Times are UTC, ``id`` is a random UUID (version 4)."""

    id: UUID
    status: Status
    lines: tuple[Line, ...]
    currency: str
    customer: Customer
    note: str | None
    created_at: datetime
    cancelled_at: datetime | None = None

    @property
    def total_cents(self) -> int:
        """The order's price, in cents; at most ``TOTAL_MAX_CENTS``."""
        return sum(line.line_total_cents for line in self.lines)

    def as_placed(self) -> Self:
        """Return the order as the answer to its placing told it, whatever happened to it since."""
        return replace(self, status=Status.PLACED, cancelled_at=None)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The customer's own name for one attempt, and the fingerprint of what was asked for under it."""

    value: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: everything older than this comes next."""

    created_at: datetime
    id: UUID


class Orders(Protocol):
    """Where orders are kept.

    Every method may raise ``StorageUnavailable``; then nothing was changed, or (should the database's answer have
    been lost on the way) all of it, never a part.
    """

    def add(self, order: Order, key: IdempotencyKey | None) -> Order:
        """Store ``order`` durably, whole or not at all, and return it.

        If its customer already has an order under ``key``, that one is returned instead, nothing is stored, and
        ``IdempotencyKeyReused`` is raised should the fingerprints differ. Any number at once store one.
        """

    def by_key(self, sub: str, key: IdempotencyKey) -> Order | None:
        """Return the order that ``sub`` placed under ``key``; raise ``IdempotencyKeyReused`` as ``add`` does."""

    def find(self, order_id: UUID) -> Order | None:
        """Return the order, or None."""

    def page(self, sub: str, before: Position | None, limit: int) -> Sequence[Order]:
        """Return up to ``limit`` orders of ``sub`` older than ``before``, newest first."""

    def cancel(self, order_id: UUID, sub: str, at: datetime) -> Order | None:
        """Cancel the order if it is of ``sub`` and still placed; return it as it is then, None if not of ``sub``."""


def price(request: Request, products: Mapping[str, Product]) -> tuple[tuple[Line, ...], str]:
    """Return the lines at the table's prices, and their one currency.

    Raises ``UnknownProduct`` for a SKU not in ``products``; ``InvalidOrder`` for a mixture of currencies, or a
    total beyond ``TOTAL_MAX_CENTS``.
    """
    lines = []
    currencies = set()
    for item in request.items:
        product = products.get(item.sku)
        if product is None:
            raise UnknownProduct(item.sku)
        lines.append(Line(product.sku, product.name, item.quantity, product.price_cents))
        currencies.add(product.currency)
    if len(currencies) > 1:
        raise InvalidOrder("items: an order has one currency, these have " + ", ".join(sorted(currencies)))
    if sum(line.line_total_cents for line in lines) > TOTAL_MAX_CENTS:
        raise InvalidOrder(f"items: the total is beyond {TOTAL_MAX_CENTS} cents")
    return tuple(lines), currencies.pop()


def is_text(value: object, longest: int) -> TypeGuard[str]:
    """Return whether ``value`` is a text of at most ``longest`` characters, each of its lines as ``is_line`` wants it."""
    return isinstance(value, str) and len(value) <= longest and is_line(value.translate(_BETWEEN_LINES))
