"""The HTTP response to each error of the domain."""

from collections.abc import Mapping
from typing import Final

from service_kit.web.problems import ProblemType

from orders_service.domain.errors import (
    IdempotencyKeyReused,
    InvalidOrder,
    OrderNotFound,
    ProfileRefused,
    ProfilesUnavailable,
    StorageUnavailable,
    UnknownProduct,
)

PROBLEMS: Final[Mapping[type[Exception], ProblemType]] = {
    InvalidOrder: ProblemType(422, "invalid_order", "The order is invalid"),
    UnknownProduct: ProblemType(422, "unknown_product", "The order has an unknown product"),
    IdempotencyKeyReused: ProblemType(
        422, "idempotency_key_reused", "The idempotency key was used for another order"
    ),
    OrderNotFound: ProblemType(404, "not_found", "Order not found"),
    ProfileRefused: ProblemType(
        403, "profile_refused", "The token does not allow access to the customer's profile"
    ),
    ProfilesUnavailable: ProblemType(503, "profiles_unavailable", "The customer's profile is not available"),
    StorageUnavailable: ProblemType(503, "storage_unavailable", "The database is not available"),
}
