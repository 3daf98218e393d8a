"""The names of accounts, which auth-service keeps."""

from typing import Protocol


class AccountNames(Protocol):
    """Where the names of accounts come from."""

    def get(self, sub: str, token: str) -> str | None:
        """Return the name of the account `sub`, whose access token this is, or None if it is not available now."""
