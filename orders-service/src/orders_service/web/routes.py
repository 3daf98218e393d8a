"""The routes of orders-service."""

from typing import Any, Final, cast

from flask import Response, current_app, request
from flask_openapi3.models.tag import Tag
from service_kit.web.http_cache import cacheable_json
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import bearer_token, current_token, require

from orders_service.use_cases import Caller, Shop
from orders_service.web.parameters import (
    IDEMPOTENCY_KEY,
    idempotency_key,
    order_cursor,
    order_position,
    product_cursor,
    product_position,
)
from orders_service.web.schemas import (
    OrderPage,
    OrderPath,
    OrderRequest,
    OrdersQuery,
    OrderView,
    ProductPage,
    ProductsQuery,
)
from orders_service.web.views import order_page, order_view, product_page

EXTENSION: Final = "orders_service"
READ: Final = "orders:read"
WRITE: Final = "orders:write"
ADMIN: Final = "admin"
PRODUCTS_MAX_AGE: Final = 60

NOT_FOUND: Final = cast(
    "Any", {404: problem_response("There is no such order, or it is another customer's.")}
)
UNAVAILABLE: Final = cast(
    "Any", {503: problem_response("Something that this needs is out of reach: see Retry-After.")}
)

products = ApiBlueprint(
    "products",
    __name__,
    abp_tags=[Tag(name="products", description="What can be ordered.")],
    abp_responses=UNAVAILABLE,
)
orders = ApiBlueprint(
    "orders",
    __name__,
    abp_tags=[Tag(name="orders", description="What was ordered.")],
    abp_responses=UNAVAILABLE,
)


def _bearer(*scopes: str) -> list[dict[str, list[Any]]]:
    """Any one of these scopes opens the route."""
    return [{"bearer": [scope]} for scope in scopes]


def _shop() -> Shop:
    return cast("Shop", current_app.extensions[EXTENSION])


@orders.after_request
def keep_private(response: Response) -> Response:
    """Personal data stays out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@products.get("/products", responses={200: ProductPage})
@validated
def list_products(query: ProductsQuery) -> Response:
    """List what can be ordered, ascending by SKU; takes no token."""
    page, after = _shop().products(product_position(query.cursor), query.limit)
    return cacheable_json(product_page(page, product_cursor(after)), PRODUCTS_MAX_AGE)


@orders.post(
    "/orders",
    security=_bearer(WRITE),
    responses={201: OrderView},
    openapi_extensions={"parameters": [IDEMPOTENCY_KEY]},
)
@require(WRITE)
@validated
def place_order(body: OrderRequest) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Place an order at the product table's prices, for the customer that the token speaks for."""
    key = idempotency_key(request.headers.get("Idempotency-Key"))
    order = _shop().place(current_token.subject, bearer_token(request.environ), body.request(), key)
    return order_view(order), 201, {"Location": f"/orders/{order.id}"}


@orders.get("/orders", security=_bearer(READ), responses={200: OrderPage})
@require(READ)
@validated
def list_orders(query: OrdersQuery) -> dict[str, Any]:
    """List the caller's own orders, newest first."""
    page, position = _shop().page(current_token.subject, order_position(query.cursor), query.limit)
    return order_page(page, order_cursor(position))


@orders.get("/orders/<id>", security=_bearer(READ, ADMIN), responses={200: OrderView, **NOT_FOUND})
@require(any_of=(READ, ADMIN))
@validated
def read_order(path: OrderPath) -> dict[str, Any]:
    """Show an order: the caller's own (orders:read), or anybody's (admin)."""
    caller = Caller(current_token.subject, READ in current_token.scopes, ADMIN in current_token.scopes)
    return order_view(_shop().see(caller, path.id))


@orders.post("/orders/<id>/cancel", security=_bearer(WRITE), responses={200: OrderView, **NOT_FOUND})
@require(WRITE)
@validated
def cancel_order(path: OrderPath) -> dict[str, Any]:
    """Cancel one of the caller's own orders; a cancelled one stays as it is."""
    return order_view(_shop().cancel(current_token.subject, path.id))
