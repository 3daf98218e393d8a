"""Queries and forms of the pages."""

from pydantic import BaseModel, Field


class DeviceQuery(BaseModel):
    """The code to fill in (RFC 8628 section 3.3.1)."""

    user_code: str | None = None


class AuthorizationQuery(BaseModel):
    """RFC 6749 section 4.1.1, RFC 7636, RFC 8707, and OpenID Connect Core section 3.1.2.1."""

    client_id: str
    redirect_uri: str
    response_type: str
    code_challenge: str
    code_challenge_method: str
    scope: str | None = None
    state: str | None = None
    resource: list[str] = []
    nonce: str | None = None
    prompt: str | None = None
    max_age: int | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    response_mode: str | None = None


class PendingRequestQuery(BaseModel):
    """The parameters of the authorization request, or the code of a device, with which the log-in goes on."""

    client_id: str | None = None
    user_code: str | None = None
    login_hint: str | None = None


class AuthorizationForm(BaseModel):
    """The log-in or consent form; without `_form`, the parameters of an authorization request."""

    email: str | None = None
    password: str | None = Field(None, repr=False)


class DevicePageForm(AuthorizationForm):
    """The log-in, code or confirmation form of the device page."""

    user_code: str | None = None


class LogoutQuery(BaseModel):
    """OpenID Connect RP-Initiated Logout 1.0 section 2."""

    id_token_hint: str | None = None
    client_id: str | None = None
    post_logout_redirect_uri: str | None = None
    state: str | None = None


class LogoutForm(LogoutQuery):
    """The parameters of a log-out request, or with `_form` the user's confirmation."""
