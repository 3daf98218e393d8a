"""Schemas: they validate requests and make the OpenAPI document. `views` makes the responses."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.openapi import parameter
from service_kit.web.pagination import CURSOR, LIMIT
from service_kit.web.pagination import MAX_LENGTH as CURSOR_MAX

from orders_service.domain import order as orders
from orders_service.domain import product as products

_STRICT = ConfigDict(extra="forbid", strict=True)

Sku = Annotated[str, Field(pattern=products.SKU_PATTERN)]
Cents = Annotated[int, Field(ge=0, description="In hundredths of the currency.")]
Cursor = Annotated[str | None, parameter(CURSOR, max_length=CURSOR_MAX)]


class ProductView(BaseModel):
    """A product."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "STONE-BLK",
                "name": "Touchstone, black basanite",
                "price_cents": 2500,
                "currency": "EUR",
            }
        },
        title="Product",
    )

    sku: str
    name: str
    price_cents: Cents
    currency: str


class ProductPage(BaseModel):
    """One page of products, ascending by SKU; `next_cursor` is null on the last page."""

    items: list[ProductView]
    next_cursor: str | None


class ItemRequest(BaseModel):
    """One line of a new order. Prices come from the product table."""

    model_config = _STRICT

    sku: Sku
    quantity: int = Field(ge=1, le=orders.QUANTITY_MAX)


class OrderRequest(BaseModel):
    """A new order, with at most one line for each SKU."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "items": [{"sku": "STONE-BLK", "quantity": 1}],
                "note": "Please leave it with the neighbour.",
            }
        },
    )

    items: list[ItemRequest] = Field(min_length=1, max_length=orders.LINES_MAX)
    note: str | None = Field(default=None, max_length=orders.NOTE_MAX)

    def new_order(self) -> orders.NewOrder:
        """Return the domain's form of it; raise `InvalidOrder`."""
        lines = tuple(orders.NewLine(item.sku, item.quantity) for item in self.items)
        return orders.NewOrder(lines, self.note)


class LineView(BaseModel):
    """One line of an order, with the product's name and price when the order was placed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sku": "STONE-BLK",
                "name": "Touchstone, black basanite",
                "quantity": 1,
                "unit_price_cents": 2500,
                "line_total_cents": 2500,
            }
        },
        title="OrderLine",
    )

    sku: str
    name: str
    quantity: int
    unit_price_cents: Cents
    line_total_cents: Cents


class CustomerView(BaseModel):
    """The customer's profile when the order was placed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "name": "Alice Example",
                "shipping_address": "1 Example Street, Exampletown",
            }
        },
        title="Customer",
    )

    sub: str
    name: str
    shipping_address: str | None


class OrderView(BaseModel):
    """An order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "8c1f6a0e-5a3d-4c55-9f6e-0f3b7a1d2c4e",
                "status": "placed",
                "items": [
                    {
                        "sku": "STONE-BLK",
                        "name": "Touchstone, black basanite",
                        "quantity": 1,
                        "unit_price_cents": 2500,
                        "line_total_cents": 2500,
                    }
                ],
                "total_cents": 2500,
                "currency": "EUR",
                "customer": {
                    "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                    "name": "Alice Example",
                    "shipping_address": "1 Example Street, Exampletown",
                },
                "note": None,
                "created_at": "2026-04-01T12:00:00Z",
                "cancelled_at": None,
            }
        },
        title="Order",
    )

    id: UUID
    status: orders.Status
    items: list[LineView]
    total_cents: Cents
    currency: str
    customer: CustomerView
    note: str | None
    created_at: datetime
    cancelled_at: datetime | None


class OrderPage(BaseModel):
    """One page of orders, newest first; `next_cursor` is null on the last page."""

    items: list[OrderView]
    next_cursor: str | None


class OrderPath(BaseModel):
    """The id of an order."""

    id: str = parameter("A UUID (version 4).", "8c1f6a0e-5a3d-4c55-9f6e-0f3b7a1d2c4e")


class OrdersQuery(BaseModel):
    """A page of orders."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = None
    limit: int = parameter(LIMIT, default=orders.PAGE_DEFAULT, ge=1, le=orders.PAGE_MAX)


class ProductsQuery(BaseModel):
    """A page of products."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = None
    limit: int = parameter(LIMIT, default=products.PAGE_DEFAULT, ge=1, le=products.PAGE_MAX)
