"""Request and response bodies for accounts, mailed links and own sessions."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth_service.use_cases.sessions.own_sessions import OwnSession
from auth_service.web.schemas import Hidden, LoginOptions, Text


class RegistrationRequest(BaseModel):
    """A new account. The password must have 8 to 1,024 characters."""

    email: Annotated[str, Field(max_length=320)]
    password: str = Hidden
    name: Annotated[str, Field(max_length=400)]


class RegisteredAccount(BaseModel):
    """The subject of the account's tokens."""

    sub: str


class Credentials(LoginOptions):
    """First-party log-in. `scope` and `resource` or `audience` limit the tokens."""

    email: Text
    password: str = Hidden


class LogoutRequest(BaseModel):
    """With `browser_session` the log-in at the browser that the session was opened through ends too, and all that it opened."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    browser_session: bool = False


class RefusedTokens(BaseModel):
    """One token for each fault. All are signed by the issuer, and all are revoked."""

    expired: str
    wrong_audience: str
    revoked: str


class PasswordChangeRequest(BaseModel):
    """The current password and the new one."""

    current_password: str = Hidden
    new_password: str = Hidden


class EmailBody(BaseModel):
    """The address to mail, if it has an account."""

    email: Text


class MagicLinkRequested(BaseModel):
    """`binding` must be sent with the link's token or the code; a browser keeps it in a cookie as well."""

    binding: str
    expires_in: int


class LinkQuery(BaseModel):
    """The token of a mailed link; without it the page can be opened, but its form is refused."""

    token: str = ""


class LinkRequest(BaseModel):
    """The token of a mailed link."""

    token: Annotated[str, Field(max_length=200, repr=False)]


class NewPassword(LinkRequest):
    """The token of a mailed link and the new password."""

    new_password: str = Hidden


class MagicLinkToken(LoginOptions):
    """Either `token`, or `email` and `code`. `scope` and `resource` or `audience` limit the tokens.

    `binding` is the one of the response to POST /magic-links; a browser that kept the cookie may leave it out.
    """

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

    sid: str
