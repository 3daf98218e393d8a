"""The JSON of responses, in the form that `schemas` documents. Our own records need no validation."""

from collections.abc import Sequence
from typing import Any

from service_kit.clock import utc_datetime

from orders_service.domain.order import Order
from orders_service.domain.product import Product


def product_page(products: Sequence[Product], next_cursor: str | None) -> dict[str, Any]:
    """Return a `ProductPage`."""
    items = [
        {"sku": each.sku, "name": each.name, "price_cents": each.price_cents, "currency": each.currency}
        for each in products
    ]
    return {"items": items, "next_cursor": next_cursor}


def order_page(orders: Sequence[Order], next_cursor: str | None) -> dict[str, Any]:
    """Return an `OrderPage`."""
    return {"items": [order_view(each) for each in orders], "next_cursor": next_cursor}


def order_view(order: Order) -> dict[str, Any]:
    """Return an `OrderView`."""
    return {
        "id": order.id,
        "status": order.status,
        "items": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price_cents": line.unit_price_cents,
                "line_total_cents": line.line_total_cents,
            }
            for line in order.lines
        ],
        "total_cents": order.total_cents,
        "currency": order.currency,
        "customer": {
            "sub": order.customer.sub,
            "name": order.customer.name,
            "shipping_address": order.customer.shipping_address,
        },
        "note": order.note,
        "created_at": utc_datetime(order.created_at),
        "cancelled_at": None if order.cancelled_at is None else utc_datetime(order.cancelled_at),
    }
