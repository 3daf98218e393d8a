"""TODO."""

from typing import Annotated

from pydantic import BaseModel, Field

Text = Annotated[str, Field(max_length=2000)]


Names = str | Annotated[list[str], Field(max_length=10)] | None


Hidden = Field(repr=False)


def listed(names: str | list[str] | None) -> list[str]:
    """Give one name, several, or none as a list."""
    return [names] if isinstance(names, str) else names or []


class TokenAnswerBody(BaseModel):
    """RFC 6749 section 5.1, with `issued_token_type` after RFC 8693 section 2.2.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    issued_token_type: str | None = None
    id_token: str | None = None


class OAuthProblem(BaseModel):
    """RFC 6749 section 5.2."""

    error: str
    error_description: str | None = None
