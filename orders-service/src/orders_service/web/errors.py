"""Which HTTP answer each of the domain's errors becomes."""

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
    InvalidOrder: ProblemType(422, "invalid_order", "The order breaks a rule"),
    UnknownProduct: ProblemType(422, "unknown_product", "The order names a product that does not exist"),
    IdempotencyKeyReused: ProblemType(422, "idempotency_key_reused", "The key stands for another order"),
    OrderNotFound: ProblemType(404, "not_found", "Not Found"),
    ProfileRefused: ProblemType(
        403, "profile_refused", "The customer's profile may not be read with this token"
    ),
    ProfilesUnavailable: ProblemType(
        503, "profiles_unavailable", "The customer's profile cannot be fetched now"
    ),
    StorageUnavailable: ProblemType(503, "storage_unavailable", "The database is not available"),
}
