"""What goes over the wire, as models: they check requests and make the OpenAPI document; `views` makes the answers."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.pagination import MAX_LENGTH as CURSOR_MAX
from touchstone.text import trimmed

from users_service.domain.profile import ADDRESS_MAX, KEEP, NAME_MAX, PAGE_DEFAULT, PAGE_MAX, Changes, Keep

Name = Annotated[
    str, Field(min_length=1, max_length=NAME_MAX, description="No control characters or line breaks.")
]
Address = Annotated[
    str,
    Field(
        min_length=1, max_length=ADDRESS_MAX, description="In one line: no control characters or line breaks."
    ),
]


class ProfileView(BaseModel):
    """A profile. `name` is the account's until its owner changes it; empty while the account's cannot be had."""

    model_config = ConfigDict(title="Profile")

    sub: str
    name: str
    shipping_address: str | None
    created_at: datetime
    updated_at: datetime


class ProfilePage(BaseModel):
    """Some profiles, ascending by `sub`; `next_cursor` leads to the next page and is null on the last."""

    items: list[ProfileView]
    next_cursor: str | None


class ProfileChanges(BaseModel):
    """What to change: a member that is absent stays, a null `shipping_address` is cleared."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name = Field(default_factory=str)
    shipping_address: Address | None = Field(default_factory=lambda: None)

    def changes(self) -> Changes:
        """Return what the domain is to do; raises ``InvalidProfile``."""
        return Changes(
            name=trimmed(self.name) if "name" in self.model_fields_set else KEEP,
            shipping_address=self._shipping_address(),
        )

    def _shipping_address(self) -> str | Keep | None:
        if "shipping_address" not in self.model_fields_set:
            return KEEP
        return None if self.shipping_address is None else trimmed(self.shipping_address)


class SubjectPath(BaseModel):
    """Whose profile."""

    sub: str = Field(description="The account's identifier, as the token's `sub` has it.")


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(
        default=None, max_length=CURSOR_MAX, description="The `next_cursor` of another page."
    )
    limit: int = Field(default=PAGE_DEFAULT, ge=1, le=PAGE_MAX)
