"""Queries and forms of the pages."""

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.openapi import parameter


class DeviceQuery(BaseModel):
    """The code to fill in (RFC 8628 section 3.3.1)."""

    user_code: str | None = parameter("The code that the device shows.", default=None)


class AuthorizationQuery(BaseModel):
    """RFC 6749 section 4.1.1, RFC 7636, RFC 8707, and OpenID Connect Core section 3.1.2.1."""

    client_id: str = parameter("The client.", "cli")
    redirect_uri: str = parameter("One of the client's registered addresses.", "http://127.0.0.1/callback")
    response_type: str = parameter("Always `code`.", "code")
    code_challenge: str = parameter(
        "The base64url SHA-256 of the code verifier.", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
    code_challenge_method: str = parameter("Always `S256`.", "S256")
    scope: str | None = parameter("The scopes, separated by blanks.", "openid orders:read", default=None)
    state: str | None = parameter("A value that the response repeats.", "af0ifjsldkj", default=None)
    resource: list[str] = parameter("The audiences.", default=[])
    nonce: str | None = parameter("A value that the ID token repeats.", default=None)
    prompt: str | None = parameter("`none`, `login` or `consent`.", default=None)
    max_age: int | None = parameter("After how many seconds the user has to log in again.", default=None)
    login_hint: str | None = parameter("The email address to fill in.", default=None)
    id_token_hint: str | None = parameter("An ID token of the user.", default=None)
    response_mode: str | None = parameter("Always `query`.", default=None)


class PendingRequestQuery(BaseModel):
    """The parameters of the authorization request, or the code of a device, with which the log-in goes on."""

    client_id: str | None = parameter("The client of the authorization request.", default=None)
    user_code: str | None = parameter("The code of a device.", default=None)
    login_hint: str | None = parameter("The email address to fill in.", default=None)


class AuthorizationForm(BaseModel):
    """The log-in or consent form; without `_form`, the parameters of an authorization request."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "alice@example.com", "password": "correct-horse-battery-staple"}
        }
    )

    email: str | None = None
    password: str | None = Field(None, repr=False)


class DevicePageForm(AuthorizationForm):
    """The log-in, code or confirmation form of the device page."""

    model_config = ConfigDict(json_schema_extra={"example": {"user_code": "BCDF-GHJK"}})

    user_code: str | None = None


class LogoutQuery(BaseModel):
    """OpenID Connect RP-Initiated Logout 1.0 section 2."""

    id_token_hint: str | None = parameter("An ID token of the session.", default=None)
    client_id: str | None = parameter("The client.", default=None)
    post_logout_redirect_uri: str | None = parameter(
        "One of the client's registered addresses after a log-out.", default=None
    )
    state: str | None = parameter("A value that the redirect repeats.", default=None)


class LogoutForm(LogoutQuery):
    """The parameters of a log-out request, or with `_form` the user's confirmation."""

    model_config = ConfigDict(json_schema_extra={"example": {"client_id": "console"}})
