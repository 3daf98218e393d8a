"""Orders in the database."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from service_kit.database import Database, outages_as
from sqlalchemy import Integer, Select, Table, bindparam, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from orders_service.domain.customer import Customer
from orders_service.domain.errors import IdempotencyKeyReused, StorageUnavailable
from orders_service.domain.order import IdempotencyKey, Line, Order, Position, Status
from orders_service.storage.tables import OrderLineRow, OrderRow

_ORDERS: Final = cast("Table", OrderRow.__table__)
_LINES: Final = cast("Table", OrderLineRow.__table__)
_row: Final = _ORDERS.c
_COLUMNS: Final = [column for column in _row if column.name not in {"idempotency_key", "fingerprint"}]
_LINE: Final = (_LINES.c.sku, _LINES.c.name, _LINES.c.quantity, _LINES.c.unit_price_cents)
_OWN: Final = _row.customer_sub == bindparam("sub")
_BY_KEY: Final = select(_row.id, _row.fingerprint).where(_OWN, _row.idempotency_key == bindparam("key"))


def _with_lines(wanted: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return the orders, newest first, with one row for each of their lines."""
    found = wanted.subquery()
    return (
        select(*found.c, *_LINE)
        .join(_LINES, _LINES.c.order_id == found.c.id)
        .order_by(found.c.created_at.desc(), found.c.id.desc(), _LINES.c.position)
    )


_NEWEST: Final = (
    select(*_COLUMNS)
    .where(_OWN)
    .order_by(_row.created_at.desc(), _row.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
_GET: Final = _with_lines(select(*_COLUMNS).where(_row.id == bindparam("id")))
_FIRST_PAGE: Final = _with_lines(_NEWEST)
_PAGE: Final = _with_lines(
    _NEWEST.where(
        tuple_(_row.created_at, _row.id)
        < tuple_(bindparam("created_at", type_=_row.created_at.type), bindparam("id", type_=_row.id.type))
    )
)
_CANCEL: Final = (
    update(_ORDERS)
    .where(_row.id == bindparam("order_id"), _OWN, _row.status == Status.PLACED.value)
    .values(status=Status.CANCELLED.value, cancelled_at=bindparam("at"))
)


class SqlOrders:
    """`Orders` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert_into = postgresql.insert if database.engine.dialect.name == "postgresql" else sqlite.insert
        # The unique constraint decides a race: the second insert waits for the first transaction, then does nothing.
        self._add = (
            insert_into(_ORDERS)
            .on_conflict_do_nothing(index_elements=["customer_sub", "idempotency_key"])
            .returning(_row.id)
        )

    def add(self, order: Order, key: IdempotencyKey | None) -> Order:
        with outages_as(StorageUnavailable), self._database.begin() as session:
            if session.execute(self._add, _order_values(order, key)).one_or_none() is not None:
                session.execute(insert(_LINES), _line_values(order))
                return order
        winner = None if key is None else self.find_by_key(order.customer.sub, key)
        if winner is None:  # pragma: no cover - orders are never deleted
            raise LookupError("the order with this key is gone")
        return winner

    def find_by_key(self, sub: str, key: IdempotencyKey) -> Order | None:
        with outages_as(StorageUnavailable):
            found = self._database.fetch(_BY_KEY, sub=sub, key=key.value)
        if not found:
            return None
        order_id, fingerprint = found[0]
        if fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        return self.get(order_id)

    def get(self, order_id: UUID) -> Order | None:
        found = self._read(_GET, id=order_id)
        return found[0] if found else None

    def list_page(self, sub: str, before: Position | None, limit: int) -> Sequence[Order]:
        if before is None:
            return self._read(_FIRST_PAGE, sub=sub, limit=limit)
        return self._read(_PAGE, sub=sub, limit=limit, created_at=before.created_at, id=before.id)

    def cancel(self, order_id: UUID, sub: str, at: float) -> Order | None:
        with outages_as(StorageUnavailable), self._database.begin() as session:
            session.execute(_CANCEL, {"order_id": order_id, "sub": sub, "at": at})
        found = self.get(order_id)
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


def _order_values(order: Order, key: IdempotencyKey | None) -> dict[str, object]:
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


def _line_values(order: Order) -> list[dict[str, object]]:
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
