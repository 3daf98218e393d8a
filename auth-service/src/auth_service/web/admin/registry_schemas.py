"""Requests and responses for administrators of the registry: audiences, roles and clients."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from service_kit.web.openapi import parameter

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.registry_rows import LONGEST_DESCRIPTION, LONGEST_NAME
from auth_service.use_cases.admin.clients import NewClient
from auth_service.web.admin.schemas import Identifier
from auth_service.web.schemas import Text

_STRICT = ConfigDict(extra="forbid", strict=True)
_MOST = 100
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION)]
Names = Annotated[list[Name], Field(max_length=_MOST)]
Uris = Annotated[list[Text], Field(max_length=_MOST)]


class NamePath(BaseModel):
    """The name of an audience or role."""

    name: Identifier = parameter("The name.", "clerk")


class ClientPath(BaseModel):
    """The id of a client."""

    client_id: Identifier = parameter("The id of a client.", "dashboard")


class RemovalQuery(BaseModel):
    """With `force` it is removed from all that use it, and the sessions that have it end."""

    force: bool = parameter(
        "Whether to remove it also from all that use it; their sessions end.", default=False
    )


class AudienceView(BaseModel):
    """An audience. `scopes` has a description of each for users, `client_scopes` are for clients' own tokens alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "reports-service",
                "scopes": {"reports:read": "Read reports"},
                "client_scopes": {},
            }
        },
        from_attributes=True,
    )

    name: str
    scopes: dict[str, str]
    client_scopes: dict[str, str]


class AudienceList(BaseModel):
    """All audiences: those of files, then those added at run time."""

    audiences: list[AudienceView]


class NewAudienceRequest(BaseModel):
    """A new audience. `scopes` has a description of each scope for users, or is a list of names."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"name": "reports-service", "scopes": {"reports:read": "Read reports"}}
        },
    )

    name: Name
    scopes: Annotated[dict[Name, Description], Field(max_length=_MOST)] | Names


class RoleView(BaseModel):
    """A role; new accounts have the `default` ones."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "clerk", "scopes": ["orders:read"], "default": False}},
        from_attributes=True,
    )

    name: str
    scopes: Annotated[list[str], Field(description="In ascending order.")]
    default: bool


class RoleList(BaseModel):
    """All roles: those of files, then those added at run time."""

    roles: list[RoleView]


class RoleScopes(BaseModel):
    """All scopes that the role is to have."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"scopes": ["orders:read"]}}
    )

    scopes: Names


class NewRoleRequest(RoleScopes):
    """A new role."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "clerk", "scopes": ["orders:read"]}})

    name: Name


class ClientChanges(BaseModel):
    """Client metadata, as in `registry.toml`; each member replaces what the client has."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"name": "Dashboard"}}
    )

    name: Name = ""
    grants: Names = []
    redirect_uris: Uris = []
    post_logout_redirect_uris: Uris = []
    origins: Uris = []
    audiences: Names = []
    scopes: Names = []
    own_scopes: Names = []
    serves: Names = []


class NewClientRequest(ClientChanges):
    """A new client. A confidential one without a secret uses `private_key_jwt`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "client_id": "dashboard",
                "name": "Dashboard",
                "grants": ["authorization_code", "refresh_token"],
                "redirect_uris": ["https://dashboard.example.com/callback"],
                "audiences": ["auth-service"],
                "scopes": ["openid", "email"],
            }
        }
    )

    client_id: Name
    confidential: bool = False
    first_party: bool = False
    with_secret: bool = False


class ClientView(BaseModel):
    """A client. `authenticates` is none, client_secret or private_key_jwt."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "client_id": "dashboard",
                "name": "Dashboard",
                "confidential": False,
                "first_party": False,
                "authenticates": "none",
                "enabled": True,
                "grants": ["authorization_code", "refresh_token"],
                "redirect_uris": ["https://dashboard.example.com/callback"],
                "post_logout_redirect_uris": [],
                "origins": [],
                "audiences": ["auth-service"],
                "scopes": ["openid", "email"],
                "own_scopes": [],
                "serves": [],
            }
        }
    )

    client_id: str
    name: str
    confidential: bool
    first_party: bool
    authenticates: str
    enabled: bool
    grants: list[str]
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    origins: list[str]
    audiences: list[str]
    scopes: list[str]
    own_scopes: list[str]
    serves: list[str]

    @classmethod
    def of(cls, client: Client) -> "ClientView":
        """Return the view of a client."""
        return cls.model_validate(_members(client))


class ClientList(BaseModel):
    """All clients, ascending by id."""

    clients: list[ClientView]


class NewClientView(ClientView):
    """A client and its new secret, which cannot be read again; null without one."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "client_id": "dashboard",
                "name": "Dashboard",
                "confidential": False,
                "first_party": False,
                "authenticates": "none",
                "enabled": True,
                "grants": ["authorization_code", "refresh_token"],
                "redirect_uris": ["https://dashboard.example.com/callback"],
                "post_logout_redirect_uris": [],
                "origins": [],
                "audiences": ["auth-service"],
                "scopes": ["openid", "email"],
                "own_scopes": [],
                "serves": [],
                "client_secret": None,
            }
        }
    )

    client_secret: Annotated[str | None, Field(repr=False)]

    @classmethod
    def of_new(cls, made: NewClient) -> "NewClientView":
        """Return the view of a client that was just registered, or has a new secret."""
        return cls.model_validate({**_members(made.client), "client_secret": made.secret})


def _members(client: Client) -> dict[str, object]:
    members = ((name, getattr(client, name)) for name in ClientView.model_fields)
    return {
        name: sorted(value)
        if isinstance(value, frozenset)
        else value
        if isinstance(value, str | bool)
        else list(value)
        for name, value in members
    }
