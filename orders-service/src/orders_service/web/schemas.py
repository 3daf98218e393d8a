"""What goes over the wire, as models: they check requests and make the OpenAPI document; `views` makes the answers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.pagination import MAX_LENGTH as CURSOR_MAX

from orders_service.domain import order as orders
from orders_service.domain import product as products

_STRICT = ConfigDict(extra="forbid", strict=True)

Sku = Annotated[str, Field(pattern=products.SKU_PATTERN)]
Cents = Annotated[int, Field(ge=0, description="In hundredths of the currency.")]
Cursor = Annotated[str | None, Field(max_length=CURSOR_MAX, description="The `next_cursor` of another page.")]


class ProductView(BaseModel):
    """Something to order."""

    model_config = ConfigDict(title="Product")

    sku: str
    name: str
    price_cents: Cents
    currency: str


class ProductPage(BaseModel):
    """Some products, ascending by SKU; `next_cursor` leads to the next page and is null on the last."""

    items: list[ProductView]
    next_cursor: str | None


class ItemRequest(BaseModel):
    """One line: what, and how many. Prices are the product table's business."""

    model_config = _STRICT

    sku: Sku
    quantity: int = Field(ge=1, le=orders.QUANTITY_MAX)


class OrderRequest(BaseModel):
    """What to order. A SKU may stand on one line only."""

    model_config = _STRICT

    items: list[ItemRequest] = Field(min_length=1, max_length=orders.LINES_MAX)
    note: str | None = Field(default=None, max_length=orders.NOTE_MAX)

    def request(self) -> orders.Request:
        """Return what the domain is to price; raises ``InvalidOrder``."""
        return orders.Request(tuple(orders.Wanted(item.sku, item.quantity) for item in self.items), self.note)


class LineView(BaseModel):
    """One line as sold: name and price of the moment of the order."""

    model_config = ConfigDict(title="OrderLine")

    sku: str
    name: str
    quantity: int
    unit_price_cents: Cents
    line_total_cents: Cents


class CustomerView(BaseModel):
    """The customer as users-service knew them at the moment of the order."""

    model_config = ConfigDict(title="Customer")

    sub: str
    name: str
    shipping_address: str | None


class OrderView(BaseModel):
    """An order."""

    model_config = ConfigDict(title="Order")

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
    """Some orders, newest first; `next_cursor` leads to the next page and is null on the last."""

    items: list[OrderView]
    next_cursor: str | None


class OrderPath(BaseModel):
    """Which order."""

    id: str = Field(description="A UUID (version 4).")


class OrdersQuery(BaseModel):
    """Which page of orders."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = None
    limit: int = Field(default=orders.PAGE_DEFAULT, ge=1, le=orders.PAGE_MAX)


class ProductsQuery(BaseModel):
    """Which page of products."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = None
    limit: int = Field(default=products.PAGE_DEFAULT, ge=1, le=products.PAGE_MAX)
