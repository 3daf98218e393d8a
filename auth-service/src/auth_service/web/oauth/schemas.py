"""Forms and responses of the OAuth and OpenID Connect endpoints."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ClientForm(BaseModel):
    """Client authentication in a form (RFC 6749 section 2.3.1, RFC 7521 section 4.2)."""

    client_id: str | None = None
    client_assertion_type: str | None = None
    client_assertion: str | None = Field(None, repr=False)
    client_secret: str | None = Field(None, repr=False)


class GrantForm(ClientForm):
    """The scopes and audiences that a client requests."""

    model_config = ConfigDict(json_schema_extra={"example": {"client_id": "cli", "scope": "orders:read"}})

    scope: str | None = None
    audience: list[str] = []
    resource: list[str] = []

    def audiences(self) -> tuple[str, ...]:
        """Return the audiences that are requested by either name."""
        return (*self.audience, *self.resource)


class TokenForm(GrantForm):
    """A token request; the parameters that count depend on `grant_type`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "grant_type": "refresh_token",
                "client_id": "cli",
                "refresh_token": "4Yb0mD1cPq3n5t7v9x",
            }
        }
    )

    grant_type: str | None = None
    code: str | None = Field(None, repr=False)
    redirect_uri: str | None = None
    code_verifier: str | None = Field(None, repr=False)
    refresh_token: str | None = Field(None, repr=False)
    subject_token: str | None = Field(None, repr=False)
    subject_token_type: str | None = None
    requested_token_type: str | None = None
    actor_token: str | None = Field(None, repr=False)
    device_code: str | None = Field(None, repr=False)


class DeviceAuthorizationView(BaseModel):
    """RFC 8628 section 3.2."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "device_code": "9hR4kT",
                "user_code": "BCDF-GHJK",
                "verification_uri": "http://localhost:8080/oauth/device",
                "verification_uri_complete": "http://localhost:8080/oauth/device?user_code=BCDF-GHJK",
                "expires_in": 600,
                "interval": 5,
            }
        }
    )

    device_code: str = Field(repr=False)
    user_code: str = Field(repr=False)
    verification_uri: str
    verification_uri_complete: str = Field(repr=False)
    expires_in: int
    interval: int


class TokenReferenceForm(ClientForm):
    """A token to revoke (RFC 7009) or to introspect (RFC 7662)."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"client_id": "cli", "token": "4Yb0mD1cPq3n5t7v9x"}}
    )

    token: str | None = Field(None, repr=False)
    token_type_hint: str | None = None


class IntrospectionResponse(BaseModel):
    """RFC 7662 section 2.2; an inactive token has only `active`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "active": True,
                "iss": "http://localhost:8080",
                "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "aud": ["auth-service"],
                "client_id": "cli",
                "scope": "orders:read",
                "token_type": "Bearer",
                "exp": 1775001900,
                "iat": 1775001600,
                "jti": "c5e1",
                "sid": "s-6f1c2b7de0a94c58",
                "auth_time": 1775001600,
                "roles": ["customer"],
            }
        }
    )

    active: bool
    iss: str | None = None
    sub: str | None = None
    aud: list[str] | None = None
    client_id: str | None = None
    scope: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    jti: str | None = None
    sid: str | None = None
    auth_time: int | None = None
    roles: list[str] | None = None
    act: dict[str, Any] | None = None


class UserInfoForm(BaseModel):
    """A bearer token in the body (RFC 6750 section 2.2)."""

    model_config = ConfigDict(json_schema_extra={"example": {}})

    access_token: str | None = Field(None, repr=False)


class UserInfoResponse(BaseModel):
    """OpenID Connect Core section 5.3.2, with the claims that the scopes allow."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "name": "Alice Example",
                "email": "alice@example.com",
                "email_verified": True,
            }
        }
    )

    sub: str
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class AccountName(BaseModel):
    """The name of an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11", "name": "Alice Example"}
        }
    )

    sub: str
    name: str


class AccountView(AccountName):
    """What a user sees of their account."""

    email: str
    email_verified: bool
