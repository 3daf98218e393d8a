"""Orders in a SQL database; the same statements on SQLite and PostgreSQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from service_kit.database import Database, answering
from sqlalchemy import RowMapping, Select, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from orders_service.domain.errors import IdempotencyKeyReused, StorageUnavailable
from orders_service.domain.orders import Customer, IdempotencyKey, Line, Order, Position, Status
from orders_service.storage.tables import order_lines, orders


class SqlOrders:
    """The domain's ``Orders`` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert if database.engine.dialect.name == "postgresql" else sqlite.insert

    def add(self, order: Order, key: IdempotencyKey | None) -> Order:
        """Store ``order``, or return the one that its customer already has under ``key``."""
        # The unique constraint decides a race: the second insert waits for the first's end, then does nothing.
        statement = (
            self._insert(orders)
            .values(_row(order, key))
            .on_conflict_do_nothing(index_elements=["customer_sub", "idempotency_key"])
            .returning(orders.c.id)
        )
        with answering(StorageUnavailable), self._database.begin() as session:
            if session.execute(statement).one_or_none() is not None:
                session.execute(insert(order_lines), _line_rows(order))
                return order
        winner = None if key is None else self.by_key(order.customer.sub, key)
        if winner is None:  # pragma: no cover - orders are never deleted
            raise LookupError("an order stood in the way and is gone")
        return winner

    def by_key(self, sub: str, key: IdempotencyKey) -> Order | None:
        """Return the order that ``sub`` placed under ``key``, if its fingerprint is the same."""
        query = select(orders).where(orders.c.customer_sub == sub, orders.c.idempotency_key == key.value)
        with answering(StorageUnavailable), self._database.read() as session:
            row = session.execute(query).mappings().one_or_none()
            if row is None:
                return None
            if row["fingerprint"] != key.fingerprint:
                raise IdempotencyKeyReused
            return _read(session, [row])[0]

    def find(self, order_id: UUID) -> Order | None:
        """Return the order, or None."""
        with answering(StorageUnavailable), self._database.read() as session:
            found = _select(session, select(orders).where(orders.c.id == order_id))
        return found[0] if found else None

    def page(self, sub: str, before: Position | None, limit: int) -> Sequence[Order]:
        """Return up to ``limit`` orders of ``sub`` older than ``before``, newest first."""
        place = tuple_(orders.c.created_at, orders.c.id)
        query = select(orders).where(orders.c.customer_sub == sub)
        if before is not None:
            query = query.where(place < tuple_(before.created_at, before.id))
        query = query.order_by(orders.c.created_at.desc(), orders.c.id.desc()).limit(limit)
        with answering(StorageUnavailable), self._database.read() as session:
            return _select(session, query)

    def cancel(self, order_id: UUID, sub: str, at: datetime) -> Order | None:
        """Cancel the order if it is of ``sub`` and still placed; the first of several at once decides the time."""
        own = (orders.c.id == order_id) & (orders.c.customer_sub == sub)
        change = update(orders).where(own, orders.c.status == Status.PLACED)
        with answering(StorageUnavailable), self._database.begin() as session:
            session.execute(change.values(status=Status.CANCELLED, cancelled_at=at))
            found = _select(session, select(orders).where(own))
        return found[0] if found else None


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


def _select(session: Session, query: Select[*tuple[object, ...]]) -> list[Order]:
    return _read(session, session.execute(query).mappings().all())


def _read(session: Session, rows: Sequence[RowMapping]) -> list[Order]:
    query = (
        select(order_lines)
        .where(order_lines.c.order_id.in_([row["id"] for row in rows]))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    )
    found = groupby(session.execute(query).mappings(), key=lambda row: row["order_id"])
    lines = {order_id: _lines(group) for order_id, group in found}
    return [_order(row, lines[row["id"]]) for row in rows]


def _lines(rows: Iterable[RowMapping]) -> tuple[Line, ...]:
    return tuple(Line(row["sku"], row["name"], row["quantity"], row["unit_price_cents"]) for row in rows)


def _order(row: RowMapping, lines: tuple[Line, ...]) -> Order:
    return Order(
        id=row["id"],
        status=Status(row["status"]),
        lines=lines,
        currency=row["currency"],
        customer=Customer(row["customer_sub"], row["customer_name"], row["shipping_address"]),
        note=row["note"],
        created_at=row["created_at"],
        cancelled_at=row["cancelled_at"],
    )
