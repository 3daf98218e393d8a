"""What can be done with products and orders: the rules, over any storage, any profiles and any clock."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orders_service.domain.customer import Profiles
from orders_service.domain.errors import OrderNotFound
from orders_service.domain.order import IdempotencyKey, Order, Orders, Position, Request, Status, price
from orders_service.domain.product import Catalogue, Product

UUID_VERSION = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's subject, and what it may see."""

    sub: str
    reads_own: bool
    reads_all: bool


class Shop:
    """Products and orders, as a customer meets them."""

    def __init__(
        self, catalogue: Catalogue, orders: Orders, profiles: Profiles, now: Callable[[], float]
    ) -> None:
        self._catalogue = catalogue
        self._orders = orders
        self._profiles = profiles
        self._now = now

    def products(self, after: str | None, limit: int) -> tuple[Sequence[Product], str | None]:
        """Return one page of products by SKU, and the SKU to go on after, None at the end."""
        found = self._catalogue.page(after, limit + 1)
        page = found[:limit]
        return page, page[-1].sku if len(found) > limit else None

    def place(self, sub: str, subject_token: str, request: Request, key: str | None) -> Order:
        """Place an order for ``sub`` and return it as placed.

        The same key with the same request returns the same order again; with another one it raises
        ``IdempotencyKeyReused``. Whatever is raised, no order and no trace of the key is left behind, so that the
        same call may be made again: the profile is fetched before anything is written, and the write is one
        transaction. Raises what ``price``, ``Profiles.fetch`` and ``Orders.add`` raise.
        """
        named = None if key is None else IdempotencyKey(key, request.fingerprint())
        known = None if named is None else self._orders.by_key(sub, named)
        if known is not None:
            return known.as_placed()
        lines, currency = price(request, self._catalogue.find({item.sku for item in request.items}))
        order = Order(
            id=uuid.uuid4(),
            status=Status.PLACED,
            lines=lines,
            currency=currency,
            customer=self._profiles.fetch(sub, subject_token),
            note=request.note,
            created_at=self._time(),
        )
        return self._orders.add(order, named).as_placed()

    def page(self, sub: str, before: Position | None, limit: int) -> tuple[Sequence[Order], Position | None]:
        """Return one page of the orders of ``sub``, newest first, and where to go on, None at the end.

        Orders placed during a walk do not move it: each order that was there at its start is seen exactly once.
        """
        found = self._orders.page(sub, before, limit + 1)
        page = found[:limit]
        return page, Position(page[-1].created_at, page[-1].id) if len(found) > limit else None

    def see(self, caller: Caller, order_id: str) -> Order:
        """Return the order; ``OrderNotFound`` if there is none, or none that the caller may see."""
        found = self._orders.find(parse_id(order_id))
        if found is None or not (caller.reads_all or (caller.reads_own and found.customer.sub == caller.sub)):
            raise OrderNotFound
        return found

    def cancel(self, sub: str, order_id: str) -> Order:
        """Cancel an order of ``sub``; once cancelled it stays as it is. Raises ``OrderNotFound``."""
        found = self._orders.cancel(parse_id(order_id), sub, self._time())
        if found is None:
            raise OrderNotFound
        return found

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def parse_id(text: str) -> uuid.UUID:
    """Return the id that ``text`` is the one canonical spelling of; whatever else it is names no order."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        raise OrderNotFound from None
    if parsed.version != UUID_VERSION or str(parsed) != text:
        raise OrderNotFound
    return parsed
