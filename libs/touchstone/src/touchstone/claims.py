"""Owns the typed claims: from untrusted JSON to values that can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, cast

from touchstone.errors import MalformedClaims

_LONGEST = 255  # characters of an identifier


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the subject (`act`, RFC 8693 section 4.1); `actor` is the one that acted before."""

    subject: str
    actor: Actor | None = None


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where the token's status bit is to be found (`status.status_list`)."""

    index: int
    uri: str


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says (RFC 9068). Times are seconds since the epoch."""

    issuer: str
    subject: str
    audience: tuple[str, ...]
    expires_at: float
    issued_at: float
    token_id: str
    client_id: str | None
    scopes: frozenset[str]
    roles: frozenset[str]
    session_id: str | None
    auth_time: int | None
    actor: Actor | None
    status: StatusReference | None


def read(members: Mapping[str, object]) -> AccessClaims:
    """Read a payload whose `iss`, `iat` and `exp` have been checked; raise MalformedClaims."""
    return AccessClaims(
        issuer=cast("str", members["iss"]),
        subject=_identifier(members.get("sub")),
        audience=read_audience(members.get("aud")),
        expires_at=cast("float", members["exp"]),
        issued_at=cast("float", members["iat"]),
        token_id=_identifier(members.get("jti")),
        client_id=_identifier(members["client_id"]) if "client_id" in members else None,
        scopes=_scopes(members["scope"]) if "scope" in members else frozenset(),
        roles=frozenset(_strings(members["roles"])) if "roles" in members else frozenset(),
        session_id=_identifier(members["sid"]) if "sid" in members else None,
        auth_time=_seconds(members["auth_time"]) if "auth_time" in members else None,
        actor=_actor(members["act"]) if "act" in members else None,
        status=_status(members["status"]) if "status" in members else None,
    )


def read_audience(value: object) -> tuple[str, ...]:
    """Read `aud`, a string or a list of strings (RFC 7519 section 4.1.3); raise MalformedClaims."""
    return (value,) if type(value) is str else _strings(value)


def is_identifier(value: object) -> TypeGuard[str]:
    """Tell a non-empty printable string of at most 255 characters from everything else."""
    return type(value) is str and 0 < len(value) <= _LONGEST and value.isprintable()


def _identifier(value: object) -> str:
    if not is_identifier(value):
        raise MalformedClaims
    return value


def _scopes(value: object) -> frozenset[str]:
    """Read names separated by spaces (RFC 6749 section 3.3)."""
    if type(value) is not str or not value.isascii() or not value.isprintable():
        raise MalformedClaims
    return frozenset(value.split())


def _strings(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise MalformedClaims
    for item in value:
        if type(item) is not str:
            raise MalformedClaims
    return tuple(value)


def _seconds(value: object) -> int:
    if type(value) is not int or value < 0:
        raise MalformedClaims
    return value


def _actor(value: object) -> Actor:
    if type(value) is not dict:
        raise MalformedClaims
    return Actor(_identifier(value.get("sub")), _actor(value["act"]) if "act" in value else None)


def _status(value: object) -> StatusReference:
    if type(value) is not dict or value.keys() != {"status_list"}:
        raise MalformedClaims
    reference = value["status_list"]
    if type(reference) is not dict or reference.keys() != {"idx", "uri"}:
        raise MalformedClaims
    index, uri = reference["idx"], reference["uri"]
    if type(index) is not int or index < 0 or not is_identifier(uri):
        raise MalformedClaims
    return StatusReference(index, uri)
