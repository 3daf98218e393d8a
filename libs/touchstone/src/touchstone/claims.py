"""Typed claims of an access token, read from untrusted JSON (RFC 9068 section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard, cast

from touchstone import strictjson
from touchstone.errors import MalformedClaims
from touchstone.text import is_line

_MAX_LENGTH = 255  # characters of an identifier
_BACKSLASH, _DELETE = b"\\\x7f"
_NO_NAMES: frozenset[str] = frozenset()
# Values that many tokens share are made once. They come from the issuer alone, so there are few of them.
_shared = lru_cache(maxsize=256)


@dataclass(frozen=True, slots=True)
class Actor:
    """The party that acts for the subject (`act`, RFC 8693 section 4.1); `actor` is the one that acted before it."""

    subject: str
    actor: Actor | None = None


@dataclass(frozen=True, slots=True)
class StatusReference:
    """The place of the token's status: `index` in the list at `uri` (claim `status.status_list`)."""

    index: int
    uri: str


class AccessClaims(NamedTuple):
    """The claims of a verified access token (RFC 9068). Immutable; times are seconds since the epoch.

    `payload` is the JSON object that was signed; `to_dict()` reads it. This is a named tuple because making a frozen
    dataclass of this size takes a tenth of an RSA verification.
    """

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
    payload: bytes = b"{}"

    def __repr__(self) -> str:
        # Without the payload, which repeats the fields.
        fields = zip(self._fields[:-1], self, strict=False)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def to_dict(self) -> dict[str, Any]:
        """Return a new dictionary of all claims in the token, also those that touchstone does not use."""
        return cast("dict[str, Any]", strictjson.loads(self.payload))


def read(members: dict[str, Any], payload: bytes, issuer: str) -> AccessClaims:
    """Return the claims of a payload with these members; raise MalformedClaims.

    The caller has checked that `iss` is `issuer`, and has checked `iat` and `exp`.
    """
    subject: Any = members.get("sub")
    token_id: Any = members.get("jti")
    client_id = members.get("client_id", token_id)
    session_id = members.get("sid", token_id)
    audience: Any = members.get("aud")  # a string, or a list of them (RFC 7519 section 4.1.3)
    # The only unescaped control character in JSON is DEL: ASCII without it and without escapes is printable.
    plain = payload.isascii() and _BACKSLASH not in payload and _DELETE not in payload
    for value in (subject, token_id, client_id, session_id):
        if not (type(value) is str and 0 < len(value) <= _MAX_LENGTH and (plain or is_line(value))):
            raise MalformedClaims(_malformed(members))
    return tuple.__new__(  # all that AccessClaims.__new__ does, at half the cost
        AccessClaims,
        (
            issuer,
            subject,
            _one(audience) if type(audience) is str else _strings("aud", audience),
            members["exp"],
            members["iat"],
            token_id,
            client_id if "client_id" in members else None,
            _scopes(members["scope"]) if "scope" in members else _NO_NAMES,
            _set(_strings("roles", members["roles"])) if "roles" in members else _NO_NAMES,
            session_id if "sid" in members else None,
            _seconds(members["auth_time"]) if "auth_time" in members else None,
            _actor(members["act"]) if "act" in members else None,
            _status(members["status"]) if "status" in members else None,
            payload,
        ),
    )


def is_identifier(value: object) -> TypeGuard[str]:
    """Return whether this is a string of 1 to 255 characters in one line."""
    return type(value) is str and 0 < len(value) <= _MAX_LENGTH and is_line(value)


def _malformed(members: dict[str, Any]) -> str:
    """Return the name of the first claim that should be an identifier and is not."""
    present = ("sub", "jti", *(name for name in ("client_id", "sid") if name in members))
    return next(name for name in present if not is_identifier(members.get(name)))


@_shared
def _one(name: str) -> tuple[str, ...]:
    return (name,)


def _scopes(value: object) -> frozenset[str]:
    if type(value) is not str:
        raise MalformedClaims("scope")
    return _scope_names(value)


@_shared
def _scope_names(scope: str) -> frozenset[str]:
    """Read names separated by spaces (RFC 6749 section 3.3)."""
    if not scope.isascii() or not scope.isprintable():
        raise MalformedClaims("scope")
    return frozenset(scope.split())


@_shared
def _set(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names)


def _strings(name: str, value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise MalformedClaims(name)
    for item in value:
        if type(item) is not str:
            raise MalformedClaims(name)
    return tuple(value)


def _seconds(value: object) -> int:
    if type(value) is not int or value < 0:
        raise MalformedClaims("auth_time")
    return value


def _actor(value: object) -> Actor:
    subject = value.get("sub") if type(value) is dict else None
    if type(value) is not dict or not is_identifier(subject):
        raise MalformedClaims("act")
    return Actor(subject, _actor(value["act"]) if "act" in value else None)


def _status(value: object) -> StatusReference:
    if type(value) is not dict or value.keys() != {"status_list"}:
        raise MalformedClaims("status")
    reference = value["status_list"]
    if type(reference) is not dict or reference.keys() != {"idx", "uri"}:
        raise MalformedClaims("status")
    index, uri = reference["idx"], reference["uri"]
    if type(index) is not int or index < 0 or not is_identifier(uri):
        raise MalformedClaims("status")
    return StatusReference(index, uri)
