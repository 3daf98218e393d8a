"""Accounts: who may log in, the form of their addresses and names, and where they are kept."""

from dataclasses import dataclass, field
from typing import Protocol

from email_validator import EmailNotValidError, validate_email
from touchstone.text import is_blank, is_line, trimmed

from auth_service.domain.accounts.errors import InvalidEmail, InvalidName

MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account. Times are unix seconds; `password_hash` never shows in a `repr`."""

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
        """A disabled account neither logs in nor refreshes."""
        return self.disabled_at is not None


class Accounts(Protocol):
    """Where accounts are kept."""

    def add(self, account: Account) -> bool:
        """Keep a new account; False, and nothing changed, when its address is taken."""

    def find_by_email(self, email: str) -> Account | None:
        """Find by the normalised address."""

    def get(self, sub: str) -> Account | None:
        """Find by subject."""

    def get_for_update(self, sub: str) -> Account | None:
        """Find by subject, and keep everybody else from changing it until the transaction ends."""

    def set_password_hash(self, sub: str, password_hash: str) -> None:
        """Replace the stored hash."""

    def set_email_verified(self, sub: str, at: float) -> bool:
        """Record that the address was verified; False, and nothing changed, when it had been before."""

    def set_disabled(self, sub: str, at: float | None) -> None:
        """Disable at a time, or enable with None."""

    def set_roles(self, sub: str, roles: frozenset[str]) -> None:
        """Replace the roles."""

    def list_page(self, after: str | None, limit: int) -> list[Account]:
        """Return at most so many, ascending by subject, from the one after a subject on."""


def normalise_email(address: str) -> str:
    """Return the one form under which an address is kept: no blanks around it, NFC, lower case, IDNA domain in Unicode.

    Doing it twice changes nothing. Raise InvalidEmail.
    """
    try:
        return _validated(_validated(address.strip()).lower())
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail("the email address is invalid") from None


def normalised_or_empty(email: str) -> str:
    """Return the form under which an address may have an account; "" for what is no address, and has none."""
    try:
        return normalise_email(email)
    except InvalidEmail:
        return ""


def _validated(address: str) -> str:
    # no name server is asked; addresses below .test are for tests
    return validate_email(address, strict=True, check_deliverability=False, test_environment=True).normalized


def check_name(name: str) -> str:
    """Return the name without surrounding blanks; raise InvalidName for what no person is called."""
    name = trimmed(name)
    if is_blank(name) or len(name) > MAX_NAME_LENGTH or not is_line(name):
        raise InvalidName(
            f"the name must have 1 to {MAX_NAME_LENGTH} characters, without line breaks or control characters"
        )
    return name
