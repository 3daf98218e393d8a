"""TODO."""

from dataclasses import dataclass
from typing import Final, Protocol

CUSTOMER_NAME_MAX: Final = 200


ADDRESS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer as users-service knew them at the moment of the order."""

    sub: str
    name: str
    shipping_address: str | None


class Profiles(Protocol):
    """Where a customer's name and address come from."""

    def fetch(self, sub: str, subject_token: str) -> Customer:
        """Return the customer that ``subject_token`` (an access token) speaks for, whose ``sub`` is given.

        Raises ``ProfilesUnavailable`` if it cannot be had now, ``ProfileRefused`` if the token does not allow it.
        """
