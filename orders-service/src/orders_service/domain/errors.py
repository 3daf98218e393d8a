"""What can go wrong with products and orders; `web/errors.py` has the HTTP status of each."""

from collections.abc import Mapping


class OrdersError(Exception):
    """Base of every error of this service. `str(error)` is safe to show to the caller.

    `extra` holds members for programs, beside the text.
    """

    def __init__(self, message: str, **extra: object) -> None:
        super().__init__(message)
        self.extra: Mapping[str, object] = extra


class InvalidOrder(OrdersError):
    """The order breaks a rule; nothing was stored."""


class UnknownProduct(InvalidOrder):
    """A line has a SKU that no product has."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is no product with the SKU {sku}.", sku=sku)


class InvalidProduct(OrdersError):
    """A product breaks a rule; the message names the member and the rule."""


class IdempotencyKeyReused(OrdersError):
    """The key belongs to an order with another body."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for an order with another body. Use a new key.")


class OrderNotFound(OrdersError):
    """There is no such order, or it is another customer's: the caller cannot tell which."""

    def __init__(self) -> None:
        super().__init__("There is no such order.")


class ProfileRefused(OrdersError):
    """The caller's token does not allow this service to read the caller's profile."""

    def __init__(self) -> None:
        super().__init__(
            "orders-service could not read the customer's profile with this token. "
            "Log in again with the scope profile:read."
        )


class DependencyUnavailable(OrdersError):
    """A dependency of the request does not answer; nothing was stored. `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProfilesUnavailable(DependencyUnavailable):
    """users-service or auth-service does not answer."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__(
            "The customer's profile could not be read. Nothing was ordered; try again later.", retry_after
        )


class StorageUnavailable(DependencyUnavailable):
    """The database does not answer."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__("The database did not answer. Nothing was changed; try again later.", retry_after)
