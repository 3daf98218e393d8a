"""TODO."""

from typing import Protocol


class AccountNames(Protocol):
    """Where accounts and their names are."""

    def fetch(self, sub: str, token: str) -> str | None:
        """Return the name of the account ``sub``, whose access token this is; None when it cannot be had now."""
