"""The routes of orders-service."""

from typing import Any, Final, cast

from flask import Response, request
from flask_openapi3.models.tag import Tag
from service_kit.web.http_cache import cacheable_json, no_store
from service_kit.web.openapi import ApiBlueprint, bearer, problem_response
from service_kit.web.pagination import decode_text, encode_text
from service_kit.web.request_validation import validated
from touchstone.flask import bearer_token, current_token, require

from orders_service.domain.errors import OrderNotFound, StorageUnavailable
from orders_service.domain.product import is_sku
from orders_service.use_cases import Caller, UseCases
from orders_service.web.errors import PROBLEMS
from orders_service.web.parameters import IDEMPOTENCY_KEY, idempotency_key, order_cursor, order_position
from orders_service.web.responses import order_page, order_view, product_page
from orders_service.web.schemas import (
    OrderPage,
    OrderPath,
    OrderRequest,
    OrdersQuery,
    OrderView,
    ProductPage,
    ProductsQuery,
)

READ: Final = "orders:read"
WRITE: Final = "orders:write"
ADMIN: Final = "admin"
PRODUCTS_MAX_AGE: Final = 60

PRODUCTS: Final = [Tag(name="products", description="Products to order.")]
ORDERS: Final = [Tag(name="orders", description="Orders of customers.")]
NOT_FOUND: Final = cast(
    "Any",
    {404: problem_response("There is no such order, or it is another customer's.", PROBLEMS[OrderNotFound])},
)
UNAVAILABLE: Final = cast(
    "Any",
    {
        503: problem_response(
            "The database or another service is unavailable; see Retry-After.", PROBLEMS[StorageUnavailable]
        )
    },
)


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("orders", __name__, abp_responses=UNAVAILABLE)
    routes.after_request(no_store)

    @routes.get(
        "/products",
        tags=PRODUCTS,
        operation_id="products_list_products_products_get",
        responses={200: ProductPage},
    )
    @validated
    def list_products(query: ProductsQuery) -> Response:
        """List the products, ascending by SKU; needs no token."""
        page, after = use_cases.list_products(decode_text(query.cursor, is_sku), query.limit)
        return cacheable_json(product_page(page, encode_text(after)), PRODUCTS_MAX_AGE)

    @routes.post(
        "/orders",
        tags=ORDERS,
        security=bearer(WRITE),
        responses={201: OrderView},
        openapi_extensions={"parameters": [IDEMPOTENCY_KEY]},
    )
    @require(WRITE)
    @validated
    def place_order(body: OrderRequest) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Place an order for the token's user, at the prices of the product table."""
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        token = bearer_token(request.environ)
        order = use_cases.place_order(current_token.subject, token, body.new_order(), key)
        return order_view(order), 201, {"Location": f"/orders/{order.id}"}

    @routes.get("/orders", tags=ORDERS, security=bearer(READ), responses={200: OrderPage})
    @require(READ)
    @validated
    def list_orders(query: OrdersQuery) -> dict[str, Any]:
        """List the caller's own orders, newest first."""
        before = order_position(query.cursor)
        page, position = use_cases.list_orders(current_token.subject, before, query.limit)
        return order_page(page, order_cursor(position))

    @routes.get(
        "/orders/<id>", tags=ORDERS, security=bearer(READ, ADMIN), responses={200: OrderView, **NOT_FOUND}
    )
    @require(any_of=(READ, ADMIN))
    @validated
    def read_order(path: OrderPath) -> dict[str, Any]:
        """Return an order: the caller's own (orders:read), or any (admin)."""
        caller = Caller(current_token.subject, READ in current_token.scopes, ADMIN in current_token.scopes)
        return order_view(use_cases.read_order(caller, path.id))

    @routes.post(
        "/orders/<id>/cancel", tags=ORDERS, security=bearer(WRITE), responses={200: OrderView, **NOT_FOUND}
    )
    @require(WRITE)
    @validated
    def cancel_order(path: OrderPath) -> dict[str, Any]:
        """Cancel one of the caller's own orders; a cancelled one is not changed."""
        return order_view(use_cases.cancel_order(current_token.subject, path.id))

    return routes
