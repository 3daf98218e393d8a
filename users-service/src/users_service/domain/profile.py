"""Profiles: the record, its rules, and the port to its storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from touchstone.text import is_blank, is_line

from users_service.domain.errors import InvalidProfile

NAME_MAX: Final = 200
ADDRESS_MAX: Final = 500
SUBJECT_MAX: Final = 255
PAGE_MAX: Final = 100
PAGE_DEFAULT: Final = 20


class Unchanged(Enum):
    """The type of `UNCHANGED`: leave this member as it is. None clears a member instead."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Profile:
    """One account's profile. Times are Unix seconds.

    `name_known` is False until the account's name has been copied here, or the owner has chosen another.
    """

    sub: str
    name: str
    shipping_address: str | None
    created_at: float
    updated_at: float
    name_known: bool = False


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """The new values of a profile. Raise `InvalidProfile` for one that breaks a rule."""

    name: str | Unchanged = UNCHANGED
    shipping_address: str | Unchanged | None = UNCHANGED

    def __post_init__(self) -> None:
        if isinstance(self.name, str):
            _check_text("name", self.name, NAME_MAX)
        if isinstance(self.shipping_address, str):
            _check_text("shipping_address", self.shipping_address, ADDRESS_MAX)

    def __bool__(self) -> bool:
        return self.name is not UNCHANGED or self.shipping_address is not UNCHANGED


class Profiles(Protocol):
    """Where profiles are kept. Every method may raise `StorageUnavailable`."""

    def get(self, sub: str) -> Profile | None:
        """Return the profile of `sub`, or None."""

    def get_or_create(self, sub: str, at: float) -> Profile:
        """Return the profile of `sub`, created empty at `at` if missing. Concurrent calls create one."""

    def update(self, sub: str, changes: ProfileUpdate, at: float) -> Profile:
        """Apply `changes` to the profile of `sub`, created if missing, and return it."""

    def copy_name(self, sub: str, name: str) -> Profile:
        """Set the name of the profile of `sub` unless one is known, and return the profile."""

    def list_page(self, after: str | None, limit: int) -> Sequence[Profile]:
        """Return up to `limit` profiles with a `sub` greater than `after`, ascending by `sub`."""


def is_name(value: object) -> bool:
    """Return whether a profile may have this name."""
    try:
        return isinstance(value, str) and bool(ProfileUpdate(name=value))
    except InvalidProfile:
        return False


def is_subject(value: str) -> bool:
    """Return whether `value` is a possible `sub`: 1 to 255 characters of one line."""
    return 0 < len(value) <= SUBJECT_MAX and is_line(value)


def _check_text(member: str, text: str, longest: int) -> None:
    if is_blank(text):
        raise InvalidProfile(f"{member}: must not be empty")
    if len(text) > longest:
        raise InvalidProfile(f"{member}: must have at most {longest} characters")
    if not is_line(text):
        raise InvalidProfile(f"{member}: must not contain control characters or line breaks")
