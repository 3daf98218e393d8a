"""Paths and responses of the public documents."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from service_kit.web.openapi import parameter


class JwkSet(BaseModel):
    """RFC 7517 section 5."""

    keys: list[dict[str, Any]]


class ServerMetadata(BaseModel):
    """RFC 8414 section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str


class StatusListPath(BaseModel):
    """The number of a list, from 1."""

    number: str = parameter("The number of a list, from 1.", "1")


class StatusListNames(BaseModel):
    """The URIs of all lists of the issuer (draft-ietf-oauth-status-list section 9.3)."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status_lists": ["http://localhost:8080/status-lists/1"]}}
    )

    status_lists: list[str]
