"""Profiles: what one is, which values it may hold, and who may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

from touchstone.text import is_blank, is_line

from users_service.domain.errors import InvalidProfile

NAME_MAX: Final = 200
ADDRESS_MAX: Final = 500
SUBJECT_MAX: Final = 255
PAGE_MAX: Final = 100
PAGE_DEFAULT: Final = 20

READ_OWN: Final = "profile:read"
WRITE_OWN: Final = "profile:write"
READ_ALL: Final = "users:read"


class Keep(Enum):
    """Stands for «leave this member as it is», which None cannot: None clears."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class Profile:
    """One account's profile. Times are UTC.

    `name_known` is False until the account's name has been copied here, or the owner has chosen another.
    """

    sub: str
    name: str
    shipping_address: str | None
    created_at: datetime
    updated_at: datetime
    name_known: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a PATCH asks for; made only with values that hold the rules (else ``InvalidProfile``)."""

    name: str | Keep = KEEP
    shipping_address: str | Keep | None = KEEP

    def __post_init__(self) -> None:
        if isinstance(self.name, str):
            _check_text("name", self.name, NAME_MAX)
        if isinstance(self.shipping_address, str):
            _check_text("shipping_address", self.shipping_address, ADDRESS_MAX)

    def __bool__(self) -> bool:
        return self.name is not KEEP or self.shipping_address is not KEEP


class Profiles(Protocol):
    """Where profiles are kept. Every method may raise ``StorageUnavailable``."""

    def first_sight(self, sub: str, at: datetime) -> Profile:
        """Return the profile of ``sub``, made empty at ``at`` if there is none; any number at once make one."""

    def change(self, sub: str, changes: Changes, at: datetime) -> Profile:
        """Apply ``changes`` to the profile of ``sub``, made first if there is none."""

    def copy_name(self, sub: str, name: str) -> Profile:
        """Set the name of the profile of ``sub`` to its account's, unless a name is known already; return the profile."""

    def find(self, sub: str) -> Profile | None:
        """Return the profile of ``sub``, or None."""

    def page(self, after: str | None, limit: int) -> Sequence[Profile]:
        """Return up to ``limit`` profiles with a ``sub`` greater than ``after``, ascending by ``sub``."""


def is_name(value: object) -> bool:
    """Return whether a profile may have this name."""
    try:
        return isinstance(value, str) and bool(Changes(name=value))
    except InvalidProfile:
        return False


def is_subject(value: str) -> bool:
    """Return whether ``value`` could be a ``sub`` at all: 1 to 255 characters of one line."""
    return 0 < len(value) <= SUBJECT_MAX and is_line(value)


def _check_text(member: str, text: str, longest: int) -> None:
    if is_blank(text):
        raise InvalidProfile(f"{member}: must not be empty")
    if len(text) > longest:
        raise InvalidProfile(f"{member}: must have at most {longest} characters")
    if not is_line(text):
        raise InvalidProfile(f"{member}: must not contain control characters or line breaks")
