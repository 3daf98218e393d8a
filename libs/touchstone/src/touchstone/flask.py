"""Owns the Flask side: the bearer's way in, `@require(…)`, `current_token`, and the answers to refused requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from flask import Flask, Request, Response, current_app, g, json, request
from werkzeug.datastructures import Headers
from werkzeug.local import LocalProxy

from touchstone.claims import AccessClaims
from touchstone.errors import (
    DuplicateAuthorization,
    InsufficientScope,
    MalformedAuthorization,
    MissingToken,
    TokenError,
    TouchstoneError,
    Unavailable,
)

P = ParamSpec("P")
R = TypeVar("R")
_CLAIMS = "touchstone.claims"  # in the WSGI environment: it lives exactly as long as the request


class TokenVerifier(Protocol):
    """What the extension needs of an Issuer."""

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a good token, freshly confirmed if so asked; raise TouchstoneError otherwise."""


class Touchstone:
    """The Flask extension; it is kept as `app.extensions["touchstone"]`."""

    def __init__(self, app: Flask | None = None, issuer: TokenVerifier | None = None) -> None:
        self.issuer = issuer
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, issuer: TokenVerifier | None = None) -> None:
        """Equip an application; raise ValueError when no issuer has been given."""
        self.issuer = issuer or self.issuer
        if self.issuer is None:
            raise ValueError("touchstone needs an issuer")
        app.extensions["touchstone"] = self
        app.register_error_handler(TouchstoneError, problem)


def require(
    *scopes: str, any_of: tuple[str, ...] = (), fresh: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a request through to the view only with a good token that has all of `scopes`, and one of `any_of`.

    `require()` asks for a good token alone; `fresh` asks that keys and status list were confirmed a moment ago, for what
    must not happen on the word of a session that has been ended meanwhile. Raises TokenError (401), InsufficientScope (403) or
    Unavailable (503) instead of calling the view, and TypeError at once when it is used without parentheses.
    """
    if not all(isinstance(scope, str) for scope in (*scopes, *any_of)) or type(any_of) is not tuple:
        raise TypeError("scopes are strings: @require('orders:read')")
    needed, alternatives = frozenset(scopes), frozenset(any_of)

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            # The objects behind Flask's proxies: each use of a proxy costs more than a cached verdict.
            app = cast("LocalProxy[Flask]", current_app)._get_current_object()  # noqa: SLF001 - documented by werkzeug
            environ = cast("LocalProxy[Request]", request)._get_current_object().environ  # noqa: SLF001 - likewise
            verify, token = app.extensions["touchstone"].issuer.verify, bearer_token(environ)
            claims = verify(token, fresh=True) if fresh else verify(token)
            if not needed <= claims.scopes or (alternatives and alternatives.isdisjoint(claims.scopes)):
                raise InsufficientScope((*scopes, *any_of))
            environ[_CLAIMS] = claims
            return cast("R", app.ensure_sync(view)(*args, **kwargs))

        return guarded

    return decorate


def bearer_token(source: Mapping[str, Any] | Headers) -> str:
    """Return the bearer token of exactly one Authorization header (RFC 6750 section 2.1), of nowhere else.

    `source` is a WSGI environment or werkzeug Headers. Servers join repeated headers with a comma, which no token
    holds. Raises MissingToken, DuplicateAuthorization or MalformedAuthorization.
    """
    if type(source) is not dict and isinstance(source, Headers):  # asked in this order: the second is dear
        value = ",".join(source.getlist("Authorization"))
    else:
        value = source.get("HTTP_AUTHORIZATION", "")
    scheme, _, token = value.partition(" ")
    token = token.lstrip(" ")
    if "," in value:
        raise DuplicateAuthorization
    if scheme.lower() != "bearer":
        raise MissingToken
    if not token or " " in token:
        raise MalformedAuthorization
    return token


def problem(error: TouchstoneError) -> Response:
    """Answer a refused request: problem+json (RFC 9457) with the challenge of RFC 6750 section 3."""
    status, headers = _status_and_headers(error)
    body = {
        "type": f"urn:touchstone:problem:{error.slug}",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error),
    }
    if "request_id" in g:
        body["request_id"] = g.request_id
    return Response(json.dumps(body), status.value, headers, content_type="application/problem+json")


def _status_and_headers(error: TouchstoneError) -> tuple[HTTPStatus, dict[str, str]]:
    if isinstance(error, MissingToken):
        return HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TokenError):
        challenge = f'Bearer error="invalid_token", error_description="{error}"'
        return HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": challenge}
    if isinstance(error, InsufficientScope):
        challenge = f'Bearer error="insufficient_scope", scope="{" ".join(error.required)}"'
        return HTTPStatus.FORBIDDEN, {"WWW-Authenticate": challenge}
    if isinstance(error, Unavailable):
        return HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(error.retry_after)}
    return HTTPStatus.INTERNAL_SERVER_ERROR, {}


def _current() -> AccessClaims:
    try:
        return cast("AccessClaims", request.environ[_CLAIMS])
    except KeyError:
        raise RuntimeError("no token has been verified: is the view behind @require?") from None


current_token: AccessClaims = cast("AccessClaims", LocalProxy(_current))
