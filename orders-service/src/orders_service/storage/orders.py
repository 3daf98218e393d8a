"""Orders in a SQL database; the same statements on SQLite and PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from service_kit.database import Database, outages_as
from sqlalchemy import Integer, Select, bindparam, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused, StorageUnavailable
from orders_service.domain.order import IdempotencyKey, Line, Order, Position, Status
from orders_service.storage.tables import order_lines, orders

# Made once. An order's lines come with it: one row a line, in their order.
_COLUMNS: Final = (
    orders.c.id,
    orders.c.status,
    orders.c.currency,
    orders.c.customer_sub,
    orders.c.customer_name,
    orders.c.shipping_address,
    orders.c.note,
    orders.c.created_at,
    orders.c.cancelled_at,
)
_LINE: Final = (order_lines.c.sku, order_lines.c.name, order_lines.c.quantity, order_lines.c.unit_price_cents)
_OWN: Final = orders.c.customer_sub == bindparam("sub")
_BY_KEY: Final = select(orders.c.id, orders.c.fingerprint).where(
    _OWN, orders.c.idempotency_key == bindparam("key")
)


def _with_lines(wanted: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return these orders with their lines, newest first."""
    found = wanted.subquery()
    return (
        select(*found.c, *_LINE)
        .join(order_lines, order_lines.c.order_id == found.c.id)
        .order_by(found.c.created_at.desc(), found.c.id.desc(), order_lines.c.position)
    )


_NEWEST: Final = (
    select(*_COLUMNS)
    .where(_OWN)
    .order_by(orders.c.created_at.desc(), orders.c.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
_FIND: Final = _with_lines(select(*_COLUMNS).where(orders.c.id == bindparam("id")))
_FIRST_PAGE: Final = _with_lines(_NEWEST)
_PAGE: Final = _with_lines(
    _NEWEST.where(
        tuple_(orders.c.created_at, orders.c.id)
        < tuple_(
            bindparam("created_at", type_=orders.c.created_at.type), bindparam("id", type_=orders.c.id.type)
        )
    )
)
_CANCEL: Final = (
    update(orders)
    .where(orders.c.id == bindparam("order_id"), _OWN, orders.c.status == Status.PLACED.value)
    .values(status=Status.CANCELLED.value, cancelled_at=bindparam("at"))
)


class SqlOrders:
    """The domain's ``Orders`` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert_into = postgresql.insert if database.engine.dialect.name == "postgresql" else sqlite.insert
        # The unique constraint decides a race: the second insert waits for the first's end, then does nothing.
        self._add = (
            insert_into(orders)
            .on_conflict_do_nothing(index_elements=["customer_sub", "idempotency_key"])
            .returning(orders.c.id)
        )

    def add(self, order: Order, key: IdempotencyKey | None) -> Order:
        """Store ``order``, or return the one that its customer already has under ``key``."""
        with outages_as(StorageUnavailable), self._database.begin() as session:
            if session.execute(self._add, _row(order, key)).one_or_none() is not None:
                session.execute(insert(order_lines), _line_rows(order))
                return order
        winner = None if key is None else self.by_key(order.customer.sub, key)
        if winner is None:  # pragma: no cover - orders are never deleted
            raise LookupError("an order stood in the way and is gone")
        return winner

    def by_key(self, sub: str, key: IdempotencyKey) -> Order | None:
        """Return the order that ``sub`` placed under ``key``, if its fingerprint is the same."""
        with outages_as(StorageUnavailable):
            found = self._database.fetch(_BY_KEY, sub=sub, key=key.value)
        if not found:
            return None
        order_id, fingerprint = found[0]
        if fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        return self.find(order_id)

    def find(self, order_id: UUID) -> Order | None:
        """Return the order, or None."""
        found = self._read(_FIND, id=order_id)
        return found[0] if found else None

    def page(self, sub: str, before: Position | None, limit: int) -> Sequence[Order]:
        """Return up to ``limit`` orders of ``sub`` older than ``before``, newest first."""
        if before is None:
            return self._read(_FIRST_PAGE, sub=sub, limit=limit)
        return self._read(_PAGE, sub=sub, limit=limit, created_at=before.created_at, id=before.id)

    def cancel(self, order_id: UUID, sub: str, at: datetime) -> Order | None:
        """Cancel the order if it is of ``sub`` and still placed; the first of several at once decides the time."""
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(_CANCEL, {"order_id": order_id, "sub": sub, "at": at})
        found = self.find(order_id)
        return found if found is not None and found.customer.sub == sub else None

    def _read(self, statement: Select[*tuple[Any, ...]], **parameters: object) -> list[Order]:
        with outages_as(StorageUnavailable):
            rows = self._database.fetch(statement, **parameters)
        lines: dict[UUID, list[Line]] = {}
        heads = {}
        for row in rows:
            heads[row[0]] = row[: len(_COLUMNS)]
            lines.setdefault(row[0], []).append(Line(*row[len(_COLUMNS) :]))
        return [_order(head, tuple(lines[order_id])) for order_id, head in heads.items()]


def _row(order: Order, key: IdempotencyKey | None) -> dict[str, object]:
    return {
        "id": order.id,
        "status": order.status.value,
        "currency": order.currency,
        "customer_sub": order.customer.sub,
        "customer_name": order.customer.name,
        "shipping_address": order.customer.shipping_address,
        "note": order.note,
        "created_at": order.created_at,
        "cancelled_at": order.cancelled_at,
        "idempotency_key": key.value if key else None,
        "fingerprint": key.fingerprint if key else None,
    }


def _line_rows(order: Order) -> list[dict[str, object]]:
    return [
        {
            "order_id": order.id,
            "position": position,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price_cents": line.unit_price_cents,
        }
        for position, line in enumerate(order.lines)
    ]


def _order(row: Sequence[Any], lines: tuple[Line, ...]) -> Order:
    order_id, status, currency, sub, name, address, note, created_at, cancelled_at = row
    return Order(
        id=order_id,
        status=Status(status),
        lines=lines,
        currency=currency,
        customer=Customer(sub, name, address),
        note=note,
        created_at=created_at,
        cancelled_at=cancelled_at,
    )
