"""What the service does, one class an endpoint or command."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from orders_service.domain import price_list
from orders_service.domain.clock import Clock
from orders_service.domain.customer import Customers
from orders_service.domain.errors import OrderNotFound
from orders_service.domain.order import (
    IdempotencyKey,
    NewOrder,
    Order,
    Orders,
    Position,
    Status,
    parse_id,
    price,
)
from orders_service.domain.product import Product, Products


@dataclass(frozen=True, slots=True)
class Caller:
    """The token of a request: its subject, and what its scopes allow."""

    sub: str
    reads_own: bool
    reads_all: bool


@dataclass(frozen=True, slots=True)
class ListProducts:
    """`GET /products`."""

    products: Products

    def __call__(self, after: str | None, limit: int) -> tuple[Sequence[Product], str | None]:
        """Return one page by SKU, and the SKU that the next one starts after, None on the last page."""
        found = self.products.list_page(after, limit + 1)
        page = found[:limit]
        return page, page[-1].sku if len(found) > limit else None


@dataclass(frozen=True, slots=True)
class ImportProducts:
    """`products import`."""

    products: Products

    def __call__(self, lines: Iterable[str]) -> int:
        """Add or replace the products of a CSV file, and return their number; raise `InvalidPriceList`."""
        products = price_list.parse(lines)
        self.products.add_or_replace(products)
        return len(products)


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """`POST /orders`."""

    products: Products
    orders: Orders
    customers: Customers
    now: Clock

    def __call__(self, sub: str, token: str, new: NewOrder, key: str | None) -> Order:
        """Place an order for `sub`, whose access token this is, and return it as placed.

        The same key with an equal order returns the first order again; with another one it raises
        `IdempotencyKeyReused`. After any error neither order nor key is stored, so the call may be repeated: the
        profile is read before anything is written, and the write is one transaction. Raise what `price`,
        `Customers.get` and `Orders.add` raise.
        """
        named = None if key is None else IdempotencyKey(key, new.fingerprint())
        known = None if named is None else self.orders.find_by_key(sub, named)
        if known is not None:
            return known.as_placed()
        lines, currency = price(new, self.products.find_by_skus({line.sku for line in new.lines}))
        order = Order(
            id=uuid.uuid4(),
            status=Status.PLACED,
            lines=lines,
            currency=currency,
            customer=self.customers.get(sub, token),
            note=new.note,
            created_at=self.now(),
        )
        return self.orders.add(order, named).as_placed()


@dataclass(frozen=True, slots=True)
class ListOrders:
    """`GET /orders`."""

    orders: Orders

    def __call__(
        self, sub: str, before: Position | None, limit: int
    ) -> tuple[Sequence[Order], Position | None]:
        """Return one page of the orders of `sub`, newest first, and where the next one starts, None on the last page.

        An order that exists at the start of a walk through the pages is returned once, whatever is added meanwhile.
        """
        found = self.orders.list_page(sub, before, limit + 1)
        page = found[:limit]
        return page, Position(page[-1].created_at, page[-1].id) if len(found) > limit else None


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """`GET /orders/{id}`."""

    orders: Orders

    def __call__(self, caller: Caller, order_id: str) -> Order:
        """Return the order; raise `OrderNotFound` if there is none that the caller may read."""
        found = self.orders.get(parse_id(order_id))
        if found is None or not (caller.reads_all or (caller.reads_own and found.customer.sub == caller.sub)):
            raise OrderNotFound
        return found


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """`POST /orders/{id}/cancel`."""

    orders: Orders
    now: Clock

    def __call__(self, sub: str, order_id: str) -> Order:
        """Cancel an order of `sub`, and return it; a cancelled one is not changed. Raise `OrderNotFound`."""
        found = self.orders.cancel(parse_id(order_id), sub, self.now())
        if found is None:
            raise OrderNotFound
        return found


@dataclass(frozen=True, slots=True)
class UseCases:
    """All use cases, for the routes and commands."""

    list_products: ListProducts
    import_products: ImportProducts
    place_order: PlaceOrder
    list_orders: ListOrders
    read_order: ReadOrder
    cancel_order: CancelOrder

    @classmethod
    def of(cls, products: Products, orders: Orders, customers: Customers, now: Clock) -> Self:
        """Return the use cases over these ports."""
        return cls(
            ListProducts(products),
            ImportProducts(products),
            PlaceOrder(products, orders, customers, now),
            ListOrders(orders),
            ReadOrder(orders),
            CancelOrder(orders, now),
        )
