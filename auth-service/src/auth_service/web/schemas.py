"""Request and response bodies that several features share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=2000)]
Names = str | Annotated[list[str], Field(max_length=10)] | None
Hidden = Field(repr=False)


class LoginOptions(BaseModel):
    """The client of a log-in. `scope` and `resource` or `audience` limit its tokens."""

    client_id: Text = "cli"
    scope: Text | None = None
    audience: Names = None
    resource: Names = None

    def audiences(self) -> tuple[str, ...]:
        """Return the audiences that are requested by either name."""
        given = (
            [names] if isinstance(names, str) else names or [] for names in (self.audience, self.resource)
        )
        return tuple(name for names in given for name in names)


class TokenResponseBody(BaseModel):
    """RFC 6749 section 5.1, with `issued_token_type` of RFC 8693 section 2.2.1."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIyZjRkMWE2ZSJ9.c2lnbmF0dXJl",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "orders:read orders:write",
                "refresh_token": "4Yb0mD1cPq3n5t7v9x",
            }
        }
    )

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    issued_token_type: str | None = None
    id_token: str | None = None


class OAuthErrorResponse(BaseModel):
    """RFC 6749 section 5.2."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": "invalid_grant",
                "error_description": "the refresh token is invalid or expired",
            }
        }
    )

    error: str
    error_description: str | None = None
