"""Customers, whose profiles users-service keeps."""

from dataclasses import dataclass
from typing import Final, Protocol

CUSTOMER_NAME_MAX: Final = 200
ADDRESS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's profile when the order was placed."""

    sub: str
    name: str
    shipping_address: str | None


class Customers(Protocol):
    """Where customers' profiles come from."""

    def get(self, sub: str, token: str) -> Customer:
        """Return the customer `sub`, whose access token this is.

        Raise `ProfilesUnavailable` if it is not available now, `ProfileRefused` if the token does not allow it.
        """
