"""Request and response bodies for accounts, mailed links and own sessions."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from service_kit.web.openapi import parameter

from auth_service.use_cases.sessions.own_sessions import OwnSession
from auth_service.web.schemas import Hidden, LoginOptions, Text


class RegistrationRequest(BaseModel):
    """A new account. The password must have 8 to 1,024 characters."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "email": "carol@example.com",
                "password": "correct-horse-battery-staple",
                "name": "Carol Example",
            }
        }
    )

    email: Annotated[str, Field(max_length=320)]
    password: str = Hidden
    name: Annotated[str, Field(max_length=400)]


class RegisteredAccount(BaseModel):
    """The subject of the account's tokens."""

    model_config = ConfigDict(json_schema_extra={"example": {"sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11"}})

    sub: str


class Credentials(LoginOptions):
    """First-party log-in. `scope` and `resource` or `audience` limit the tokens."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "alice@example.com", "password": "correct-horse-battery-staple"}
        }
    )

    email: Text
    password: str = Hidden


class LogoutRequest(BaseModel):
    """With `browser_session` the browser session that opened this session ends as well, with all others that it opened."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"browser_session": False}}, openapi_extra={"required": False}
    )  # type: ignore[typeddict-unknown-key]

    browser_session: bool = False


class RefusedTokens(BaseModel):
    """One token for each fault. All are signed by the issuer, and all are revoked."""

    expired: str
    wrong_audience: str
    revoked: str


class PasswordChangeRequest(BaseModel):
    """The current password and the new one."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "current_password": "the-current-password",
                "new_password": "another-horse-battery-staple",
            }
        }
    )

    current_password: str = Hidden
    new_password: str = Hidden


class EmailBody(BaseModel):
    """The address to mail, if it has an account."""

    model_config = ConfigDict(json_schema_extra={"example": {"email": "alice@example.com"}})

    email: Text


class MagicLinkRequested(BaseModel):
    """`binding` must be sent with the link's token or the code; a browser keeps it in a cookie as well."""

    model_config = ConfigDict(json_schema_extra={"example": {"binding": "b7Yk2Qw9", "expires_in": 600}})

    binding: str
    expires_in: int


class LinkQuery(BaseModel):
    """The token of a mailed link; without it the page can be opened, but its form is refused."""

    token: str = parameter("The token of the mailed link.", default="")


class LinkRequest(BaseModel):
    """The token of a mailed link."""

    model_config = ConfigDict(json_schema_extra={"example": {"token": "q3X9vT1m8ZkR5wB7yN2cJ4hL6pD0sF"}})

    token: Annotated[str, Field(max_length=200, repr=False)]


class NewPassword(LinkRequest):
    """The token of a mailed link and the new password."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "token": "q3X9vT1m8ZkR5wB7yN2cJ4hL6pD0sF",
                "new_password": "another-horse-battery-staple",
            }
        }
    )

    new_password: str = Hidden


class MagicLinkToken(LoginOptions):
    """Either `token`, or `email` and `code`. `scope` and `resource` or `audience` limit the tokens.

    `binding` is the one of the response to POST /magic-links; a browser that kept the cookie may leave it out.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "alice@example.com", "code": "123456", "binding": "b7Yk2Qw9"}}
    )

    token: Annotated[str | None, Field(max_length=200, repr=False)] = None
    email: Text | None = None
    code: Annotated[str | None, Field(max_length=50, repr=False)] = None
    binding: Annotated[str | None, Field(max_length=200, repr=False)] = None

    @model_validator(mode="after")
    def _token_or_code(self) -> Self:
        if bool(self.token) == bool(self.email and self.code):
            raise ValueError("requires either token, or email and code")
        return self


class OwnSessionView(BaseModel):
    """A session. Times are Unix seconds; `address` and `user_agent` are those of the last log-in or refresh."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sid": "s-6f1c2b7de0a94c58",
                "created_at": 1775001600,
                "last_used_at": 1775002200,
                "address": "203.0.113.7",
                "user_agent": "Mozilla/5.0",
                "client": "Touchstone console",
                "client_id": "console",
                "current": True,
            }
        }
    )

    sid: str
    created_at: int
    last_used_at: int
    address: str | None
    user_agent: str | None
    client: str
    client_id: str
    current: bool

    @classmethod
    def of(cls, own: OwnSession) -> "OwnSessionView":
        """Return the view of a session."""
        session = own.session
        return cls(
            sid=session.sid,
            created_at=int(session.created_at or session.auth_time),
            last_used_at=int(session.last_used_at or session.auth_time),
            address=session.address,
            user_agent=session.user_agent,
            client=own.client_name,
            client_id=session.client_id,
            current=own.current,
        )


class OwnSessionList(BaseModel):
    """Active sessions: the current one first, then the most recently used."""

    items: list[OwnSessionView]


class OwnSessionPath(BaseModel):
    """The id of a session."""

    sid: str = parameter("The id of a session.", "s-6f1c2b7de0a94c58")
