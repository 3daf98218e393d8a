"""The tables. The migrations create them."""

import uuid

from service_kit.database import UtcTimestamp
from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Bytewise order, so that pages end at the same rows in every database and locale.
_SKU = String(64).with_variant(String(64, collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The base of all tables; a test compares its metadata with the migrations."""


class ProductRow(Base):
    """One product."""

    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(_SKU, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    price_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))


class OrderRow(Base):
    """One order, with its idempotency key: one write stores both, and both are kept as long."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("customer_sub", "idempotency_key", name="uq_orders_idempotency"),
        Index("ix_orders_newest", "customer_sub", "created_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    customer_sub: Mapped[str] = mapped_column(String(255))
    customer_name: Mapped[str] = mapped_column(String(200))
    shipping_address: Mapped[str | None] = mapped_column(String(500))
    note: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[float] = mapped_column(UtcTimestamp)
    cancelled_at: Mapped[float | None] = mapped_column(UtcTimestamp)
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    fingerprint: Mapped[str | None] = mapped_column(String(64))


class OrderLineRow(Base):
    """One line of an order; lines are numbered from 0."""

    __tablename__ = "order_lines"

    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    unit_price_cents: Mapped[int] = mapped_column(BigInteger)
