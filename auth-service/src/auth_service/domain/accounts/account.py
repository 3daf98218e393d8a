"""Accounts, and the form of their addresses and names."""

from dataclasses import dataclass, field
from typing import Protocol

from email_validator import EmailNotValidError, validate_email
from touchstone.text import is_blank, is_line, trimmed

from auth_service.domain.accounts.errors import InvalidEmail, InvalidName

MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Account:
    """One user's account. Times are Unix seconds; `password_hash` never shows in a `repr`."""

    sub: str
    email: str
    name: str
    roles: frozenset[str]
    password_hash: str = field(repr=False)
    created_at: float
    disabled_at: float | None = None
    email_verified_at: float | None = None

    @property
    def disabled(self) -> bool:
        """Return whether the account can neither log in nor refresh."""
        return self.disabled_at is not None


class Accounts(Protocol):
    """Repository of accounts."""

    def add(self, account: Account) -> bool:
        """Store a new account; return False, and change nothing, if its address is taken."""

    def find_by_email(self, email: str) -> Account | None:
        """Return the account with this normalised address, or None."""

    def get(self, sub: str) -> Account | None:
        """Return the account with this subject, or None."""

    def get_for_update(self, sub: str) -> Account | None:
        """Return the account and lock it until the transaction ends, or None."""

    def set_password_hash(self, sub: str, password_hash: str) -> None:
        """Replace the stored hash."""

    def set_email_verified(self, sub: str, at: float) -> bool:
        """Record that the address was verified; return False, and change nothing, if it had been before."""

    def set_disabled(self, sub: str, at: float | None) -> None:
        """Disable the account at a time, or enable it with None."""

    def list_with_role(self, role: str) -> list[Account]:
        """Return the accounts with a role, ascending by subject."""

    def set_roles(self, sub: str, roles: frozenset[str]) -> None:
        """Replace the roles."""

    def list_page(self, after: str | None, limit: int) -> list[Account]:
        """Return at most `limit` accounts, ascending by subject, those after one subject."""


def normalise_email(address: str) -> str:
    """Return the stored form of an address: no surrounding blanks, NFC, lower case, IDNA domain in Unicode.

    It is idempotent. Raise InvalidEmail.
    """
    try:
        return _validated(_validated(address.strip()).lower())
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail("the email address is invalid") from None


def normalised_or_empty(email: str) -> str:
    """Return the stored form of an address, or "", which no account has, if it is invalid."""
    try:
        return normalise_email(email)
    except InvalidEmail:
        return ""


def _validated(address: str) -> str:
    # No DNS query; addresses below .test are for tests.
    return validate_email(address, strict=True, check_deliverability=False, test_environment=True).normalized


def check_name(name: str) -> str:
    """Return the name without surrounding blanks; raise InvalidName."""
    name = trimmed(name)
    if is_blank(name) or len(name) > MAX_NAME_LENGTH or not is_line(name):
        raise InvalidName(
            f"the name must have 1 to {MAX_NAME_LENGTH} characters, without line breaks or control characters"
        )
    return name
