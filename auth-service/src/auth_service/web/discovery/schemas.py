"""Paths and responses of the public documents."""

from typing import Any

from pydantic import BaseModel


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

    number: str


class StatusListNames(BaseModel):
    """The URIs of all lists of the issuer (draft-ietf-oauth-status-list section 9.3)."""

    status_lists: list[str]
