"""What goes over the wire where mail is sent, as models."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from auth_service.web.schemas import Hidden, Names, Text, listed


class Addressee(BaseModel):
    """To whom a mail goes, if there is an account."""

    email: Text


class LinkAsked(BaseModel):
    """`binding` has to come back beside the link's token or the code; a browser holds it in a cookie as well."""

    binding: str
    expires_in: int


class LinkPage(BaseModel):
    """What a mailed link holds; a page without it can be looked at, and opens nothing."""

    token: str = ""


class ProofToken(BaseModel):
    """What a mailed link holds."""

    token: Annotated[str, Field(max_length=200, repr=False)]


class NewPassword(ProofToken):
    """What a mailed link holds, and the password that is to be."""

    new_password: str = Hidden


class RedeemBody(BaseModel):
    """Either `token`, or `email` and `code`; `resource` or `audience` and `scope` narrow what the tokens carry.

    `binding` is what POST /magic-links answered; who kept its cookie leaves it out.
    """

    token: Annotated[str | None, Field(max_length=200, repr=False)] = None
    email: Text | None = None
    code: Annotated[str | None, Field(max_length=50, repr=False)] = None
    binding: Annotated[str | None, Field(max_length=200, repr=False)] = None
    client_id: Text = "cli"
    scope: Text | None = None
    audience: Names = None
    resource: Names = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.token) == bool(self.email and self.code):
            raise ValueError("requires either token, or email and code")
        return self

    def audiences(self) -> tuple[str, ...]:
        """Give all audiences that are asked for, by either name."""
        return tuple(name for given in (self.audience, self.resource) for name in listed(given))


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


class PasswordChange(BaseModel):
    """The password that is, and the one that is to be."""

    current_password: str = Hidden
    new_password: str = Hidden
