"""The database's tables, as the code sees them; the migrations make them."""

from typing import Final

from service_kit.database import UtcTimestamp
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

metadata: Final = MetaData()


# Bytewise order, so that a page's border means the same to every database and locale.
SKU: Final = String(64).with_variant(String(64, collation="C"), "postgresql")

products: Final = Table(
    "products",
    metadata,
    Column("sku", SKU, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
)

orders: Final = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("customer_sub", String(255), nullable=False),
    Column("customer_name", String(200), nullable=False),
    Column("shipping_address", String(500)),
    Column("note", String(500)),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("cancelled_at", UtcTimestamp),
    # The key lives and dies with its order: one row, one write, nothing to sweep.
    Column("idempotency_key", String(255)),
    Column("fingerprint", String(64)),
    UniqueConstraint("customer_sub", "idempotency_key", name="uq_orders_idempotency"),
    Index("ix_orders_newest", "customer_sub", "created_at", "id"),
)

order_lines: Final = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sku", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_cents", BigInteger, nullable=False),
)
