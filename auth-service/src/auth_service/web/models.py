"""What goes over the wire, as models: they check bodies, and the OpenAPI document is made from them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

Text = Annotated[str, Field(max_length=2000)]
Names = str | Annotated[list[str], Field(max_length=10)] | None
Hidden = Field(repr=False)


class NewAccount(BaseModel):
    """Who wants an account. The password has 8 to 1,024 characters."""

    email: Annotated[str, Field(max_length=320)]
    password: str = Hidden
    name: Annotated[str, Field(max_length=400)]


class AccountMade(BaseModel):
    """The subject, as it stands in the account's tokens."""

    sub: str


class Credentials(BaseModel):
    """First-party log-in. `resource` or `audience` and `scope` narrow what the tokens carry."""

    email: Text
    password: str = Hidden
    client_id: Text = "cli"
    scope: Text | None = None
    audience: Names = None
    resource: Names = None

    def audiences(self) -> tuple[str, ...]:
        """Give all audiences that are asked for, by either name."""
        return tuple(name for given in (self.audience, self.resource) for name in listed(given))


def listed(names: str | list[str] | None) -> list[str]:
    """Give one name, several, or none as a list."""
    return [names] if isinstance(names, str) else names or []


class PasswordChange(BaseModel):
    """The password that is, and the one that is to be."""

    current_password: str = Hidden
    new_password: str = Hidden


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


class ClientForm(BaseModel):
    """What any request of a client may hold to say, and prove, who it is (RFC 7521 section 4.2)."""

    client_id: str | None = None
    client_assertion_type: str | None = None
    client_assertion: str | None = Field(None, repr=False)
    client_secret: str | None = Field(None, repr=False)


class TokenForm(ClientForm):
    """A request for tokens; which parameters count depends on `grant_type`."""

    grant_type: str | None = None
    scope: str | None = None
    audience: list[str] = []
    resource: list[str] = []
    code: str | None = Field(None, repr=False)
    redirect_uri: str | None = None
    code_verifier: str | None = Field(None, repr=False)
    refresh_token: str | None = Field(None, repr=False)
    subject_token: str | None = Field(None, repr=False)
    subject_token_type: str | None = None
    requested_token_type: str | None = None
    actor_token: str | None = Field(None, repr=False)
    device_code: str | None = Field(None, repr=False)

    def audiences(self) -> tuple[str, ...]:
        """Give all audiences that are asked for, by either name."""
        return (*self.audience, *self.resource)


class DeviceForm(ClientForm):
    """What a device asks for (RFC 8628 section 3.1)."""

    scope: str | None = None
    audience: list[str] = []
    resource: list[str] = []

    def audiences(self) -> tuple[str, ...]:
        """Give all audiences that are asked for, by either name."""
        return (*self.audience, *self.resource)


class DeviceAnswer(BaseModel):
    """RFC 8628 section 3.2."""

    device_code: str = Field(repr=False)
    user_code: str = Field(repr=False)
    verification_uri: str
    verification_uri_complete: str = Field(repr=False)
    expires_in: int
    interval: int


class DeviceQuery(BaseModel):
    """A code to fill in (RFC 8628 section 3.3.1)."""

    user_code: str | None = None


class DevicePageForm(BaseModel):
    """What the forms of the device page send."""

    user_code: str | None = None
    email: str | None = None
    password: str | None = Field(None, repr=False)


class AboutTokenForm(ClientForm):
    """A token to revoke (RFC 7009) or to ask about (RFC 7662)."""

    token: str | None = Field(None, repr=False)
    token_type_hint: str | None = None


class Introspection(BaseModel):
    """RFC 7662 section 2.2; only `active` is there for a token that does not stand."""

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


class JwkSet(BaseModel):
    """RFC 7517 section 5."""

    keys: list[dict[str, Any]]


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


class UserInfoForm(BaseModel):
    """A bearer token in the body (RFC 6750 section 2.2)."""

    access_token: str | None = Field(None, repr=False)


class UserInfoBody(BaseModel):
    """OpenID Connect Core section 5.3.2; what the scopes do not allow is left out."""

    sub: str
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class AccountName(BaseModel):
    """The name of an account."""

    sub: str
    name: str


class ServerMetadata(BaseModel):
    """RFC 8414 section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
