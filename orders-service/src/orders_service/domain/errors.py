"""What can go wrong with products and orders; the web layer alone knows which HTTP status that is."""
# ruff: noqa: N818 - each is named for what is the case

from collections.abc import Mapping


class OrdersError(Exception):
    """Base of every error of this service. ``str(error)`` is safe to show to the caller.

    ``extra`` holds members that a program may read beside the text.
    """

    def __init__(self, message: str, **extra: object) -> None:
        super().__init__(message)
        self.extra: Mapping[str, object] = extra


class InvalidOrder(OrdersError):
    """The order breaks a rule; nothing was stored."""


class UnknownProduct(InvalidOrder):
    """A line names a SKU that the product table does not have."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is no product with the SKU {sku}.", sku=sku)


class InvalidProduct(OrdersError):
    """A product breaks a rule; the message names the member and the rule."""


class IdempotencyKeyReused(OrdersError):
    """The key already stands for an order that was asked for with another body."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key already stands for an order with another body.")


class OrderNotFound(OrdersError):
    """There is no such order, or it is somebody else's: the caller cannot tell which."""

    def __init__(self) -> None:
        super().__init__("There is no such order.")


class ProfileRefused(OrdersError):
    """The caller's token does not allow this service to read the caller's profile."""

    def __init__(self) -> None:
        super().__init__("The token does not allow orders-service to read the profile that an order needs.")


class OutOfReach(OrdersError):
    """Something that the request needs does not answer; nothing was stored. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProfilesUnavailable(OutOfReach):
    """The customer's profile cannot be had: users-service or the mint does not answer."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__(
            "The customer's profile cannot be fetched at the moment; nothing was ordered.", retry_after
        )


class StorageUnavailable(OutOfReach):
    """The database does not answer."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__("The database does not answer at the moment.", retry_after)
