"""TODO."""

from pydantic import BaseModel, Field


class DeviceQuery(BaseModel):
    """A code to fill in (RFC 8628 section 3.3.1)."""

    user_code: str | None = None


class DevicePageForm(BaseModel):
    """What the forms of the device page send."""

    user_code: str | None = None
    email: str | None = None
    password: str | None = Field(None, repr=False)


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


class AuthorizationForm(BaseModel):
    """Our own log-in and consent forms; without `_form` the parameters of a request."""

    email: str | None = None
    password: str | None = Field(None, repr=False)


class LogOutQuery(BaseModel):
    """OpenID Connect RP-Initiated Logout 1.0 section 2."""

    id_token_hint: str | None = None
    client_id: str | None = None
    post_logout_redirect_uri: str | None = None
    state: str | None = None


class LogOutForm(LogOutQuery):
    """Likewise; or, with `_form`, the answer to our own question."""
