"""Schemas: they validate requests and make the OpenAPI document. `views` makes the responses."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.openapi import parameter
from service_kit.web.pagination import CURSOR, LIMIT
from service_kit.web.pagination import MAX_LENGTH as CURSOR_MAX
from touchstone.text import trimmed

from users_service.domain.profile import (
    ADDRESS_MAX,
    NAME_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    UNCHANGED,
    ProfileUpdate,
    Unchanged,
)

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
    """A profile. `name` is the account's until its owner changes it; empty while auth-service is unavailable."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "name": "Alice Example",
                "shipping_address": "1 Example Street, Exampletown",
                "created_at": "2026-04-01T12:00:00Z",
                "updated_at": "2026-04-01T12:00:00Z",
            }
        },
        title="Profile",
    )

    sub: str
    name: str
    shipping_address: str | None
    created_at: datetime
    updated_at: datetime


class ProfilePage(BaseModel):
    """One page of profiles, ascending by `sub`; `next_cursor` is null on the last page."""

    items: list[ProfileView]
    next_cursor: str | None


class ProfileChanges(BaseModel):
    """The members to change: an absent one stays, a null `shipping_address` is cleared."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "Alice Example", "shipping_address": "1 Example Street, Exampletown"}
        },
        extra="forbid",
        strict=True,
    )

    name: Name = Field(default_factory=str)
    shipping_address: Address | None = Field(default_factory=lambda: None)

    def update(self) -> ProfileUpdate:
        """Return the domain's form of it; raise `InvalidProfile`."""
        return ProfileUpdate(
            name=trimmed(self.name) if "name" in self.model_fields_set else UNCHANGED,
            shipping_address=self._shipping_address(),
        )

    def _shipping_address(self) -> str | Unchanged | None:
        if "shipping_address" not in self.model_fields_set:
            return UNCHANGED
        return None if self.shipping_address is None else trimmed(self.shipping_address)


class SubjectPath(BaseModel):
    """The owner of a profile."""

    sub: str = parameter(
        "The account's identifier, as the token's `sub` has it.", "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11"
    )


class PageQuery(BaseModel):
    """A page of profiles."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = parameter(CURSOR, default=None, max_length=CURSOR_MAX)
    limit: int = parameter(LIMIT, default=PAGE_DEFAULT, ge=1, le=PAGE_MAX)
