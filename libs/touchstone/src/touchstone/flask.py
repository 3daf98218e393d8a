"""The Flask extension: `@require(…)`, `current_token`, and the responses to refused requests (RFC 6750, RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar, cast
from uuid import UUID

from flask import Flask, Request, Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from touchstone import arguments
from touchstone.claims import AccessClaims
from touchstone.errors import InsufficientScope, MissingToken, TouchstoneError
from touchstone.http import bearer
from touchstone.http.problem import MEDIA_TYPE, problem_of

P = ParamSpec("P")
R = TypeVar("R")
_CLAIMS = "touchstone.claims"  # key in the WSGI environment, which lives as long as the request
_GUARDS = "__touchstone_guards__"  # attribute of functions that are not called without a token


class TokenVerifier(Protocol):
    """The part of an `Issuer` that the extension uses."""

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a valid token, with `fresh` a recently confirmed one; else raise TouchstoneError."""


@dataclass(frozen=True, slots=True)
class AppState:
    """The extension's state in one application, as `app.extensions["touchstone"]`."""

    issuer: TokenVerifier


class Touchstone:
    """The Flask extension. One object serves any number of applications, each with its own issuer.

    `issuer` is the default for applications without one in `init_app`.
    """

    def __init__(self, app: Flask | None = None, issuer: TokenVerifier | None = None) -> None:
        self.issuer = None if issuer is None else _checked(issuer)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, issuer: TokenVerifier | None = None) -> None:
        """Register the extension with an application; called again for the same one, replace its issuer.

        Handles a TouchstoneError of any view with `problem`, unless the application has its own handler for it, and lets
        `jsonify` encode `current_token` and its members. Raise ValueError if there is no issuer.
        """
        if not isinstance(app, Flask):
            raise ValueError("app must be a Flask application")  # noqa: TRY004 - one error for every bad argument
        chosen = self.issuer if issuer is None else _checked(issuer)
        if chosen is None:
            raise ValueError("touchstone needs an issuer: Touchstone(app, Issuer(url, audience=name))")
        if "touchstone" not in app.extensions:
            if TouchstoneError not in app.error_handler_spec[None][None]:
                app.register_error_handler(TouchstoneError, problem)
            if isinstance(app.json, DefaultJSONProvider):
                app.json.default = _with_claims(app.json.default)
        app.extensions["touchstone"] = AppState(chosen)


def require(
    *scopes: str,
    any_of: Iterable[str] = (),
    fresh: bool = False,
    optional: bool = False,
    options: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Call the view only with a valid token that has all of `scopes`, and one of `any_of` if given.

    `fresh` requires that keys and status list were confirmed recently, for actions that a session which has just ended
    must not perform. `optional` also admits requests without any token: `current_token` is then false. OPTIONS needs
    no token unless `options` is true, because browsers send none with a CORS preflight; if the view then uses
    `current_token`, Flask's default OPTIONS response is sent.

    Instead of calling the view, raises TokenError (401), InsufficientScope (403) or Unavailable (503). Each is also an
    HTTPException with its response: that of the application's own error handler, else of `problem`. Raise ValueError at
    once for invalid scopes, TypeError if used without parentheses.
    """
    if callable(next(iter(scopes), None)):
        raise TypeError("require takes scopes, which are strings: @require('orders:read'), or @require()")
    requirement = _Requirement(
        arguments.scopes(scopes), arguments.scopes(any_of), fresh=fresh, optional=optional
    )

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            # The objects behind Flask's proxies: using a proxy costs more than a cached verdict.
            app = cast("LocalProxy[Flask]", current_app)._get_current_object()  # noqa: SLF001 - documented by werkzeug
            environ = cast("LocalProxy[Request]", request)._get_current_object().environ  # noqa: SLF001 - as above
            try:
                if options or environ["REQUEST_METHOD"] != "OPTIONS":
                    requirement.check(app, environ)
                return cast("R", app.ensure_sync(view)(*args, **kwargs))
            except TouchstoneError as error:
                _refuse(app, error)

        setattr(guarded, _GUARDS, not optional)
        return guarded

    setattr(decorate, _GUARDS, not optional)
    return decorate


class _Requirement:
    """The token that `@require` demands of a request."""

    __slots__ = ("_all_of", "_any_of", "_fresh", "_optional", "_required")

    def __init__(
        self, scopes: tuple[str, ...], any_of: tuple[str, ...], *, fresh: bool, optional: bool
    ) -> None:
        self._all_of = frozenset(scopes)
        self._any_of = frozenset(any_of)
        self._required = (*scopes, *any_of)
        self._fresh = fresh
        self._optional = optional

    def check(self, app: Flask, environ: dict[str, Any]) -> None:
        """Put the claims of the request's token into its environment; raise TouchstoneError if it does not suffice."""
        try:
            verify = app.extensions["touchstone"].issuer.verify
        except KeyError:
            raise RuntimeError("this app has no issuer: call Touchstone(app, issuer) first") from None
        try:
            token = bearer_token(environ)
        except MissingToken:
            if self._optional:
                return
            raise
        claims: AccessClaims = verify(token, fresh=True) if self._fresh else verify(token)
        if not self._all_of <= claims.scopes or (self._any_of and self._any_of.isdisjoint(claims.scopes)):
            raise InsufficientScope(self._required)
        environ[_CLAIMS] = claims


def unguarded(app: Flask) -> set[str]:
    """Return the endpoints that need no token: neither the view nor a `before_request` is behind `@require`.

    Use it in a test, to notice a forgotten route or `@require` above `@app.get`:
    `assert unguarded(app) == {"static", "health"}`.
    """

    def is_before(name: str | None) -> bool:
        return any(_guards(function) for function in app.before_request_funcs.get(name, ()))

    def is_open(endpoint: str) -> bool:
        parents = endpoint.split(".")[:-1]
        blueprints = [".".join(parents[: end + 1]) for end in range(len(parents))]
        return not (_guards_view(app.view_functions.get(endpoint)) or any(map(is_before, blueprints)))

    return (
        set()
        if is_before(None)
        else {rule.endpoint for rule in app.url_map.iter_rules() if is_open(rule.endpoint)}
    )


def bearer_token(source: Mapping[str, Any] | Headers) -> str:
    """Return the bearer token of exactly one Authorization header (RFC 6750 section 2.1).

    `source` is a WSGI environment or werkzeug Headers. Servers join repeated headers with a comma, which no token
    contains. Raise MissingToken, DuplicateAuthorization or MalformedAuthorization.
    """
    if type(source) is not dict and isinstance(source, Headers):  # in this order, as the second is slow
        value = ",".join(source.getlist("Authorization"))
    else:
        value = source.get("HTTP_AUTHORIZATION", "")
    return bearer.bearer_token(value)


def problem(error: TouchstoneError) -> Response:
    """Return the response to a refused request: problem+json (RFC 9457) with the challenge of RFC 6750 section 3."""
    given = getattr(g, "request_id", None)
    request_id = None
    if isinstance(given, str | int | UUID):  # other types may not fit into JSON
        with suppress(ValueError):  # an int of thousands of digits
            request_id = str(given)
    status, headers, body = problem_of(error, request_id)
    return Response(body, status, headers, content_type=MEDIA_TYPE)


class _ResponseError(HTTPException):
    """An error with its response.

    It has no `code`, like the errors of `abort(response)`: Flask, and the extensions that do as Flask does, send the
    response as it is, without calling the handlers of HTTPException or Exception.
    """

    @property
    def data(self) -> NoReturn:
        """Raise the error itself: Flask-RESTX would make its own response of `data`, and leaves errors to Flask."""
        raise self

    def __str__(self) -> str:
        return Exception.__str__(self)

    def __repr__(self) -> str:
        return Exception.__repr__(self)


class _NoTokenError(_ResponseError, RuntimeError):
    """Raised by `current_token` on OPTIONS without a token; sends Flask's default response."""


@cache
def _with_response(kind: Any) -> Any:
    return type(kind.__name__, (kind, _ResponseError), {"__doc__": kind.__doc__})


def _refuse(app: Flask, error: TouchstoneError) -> NoReturn:
    """Raise the error with its response, unless it has one already."""
    if isinstance(error, HTTPException):
        raise error
    response = app.make_response(app.ensure_sync(_handler(app, error))(error))
    kind: Any = type(error)
    cls = _with_response(kind)
    refusal = cls.__new__(cls, *error.args)
    vars(refusal).update(vars(error), response=response)
    raise refusal from error


def _handler(app: Flask, error: TouchstoneError) -> Callable[[Any], Any]:
    """Return the application's handler of this TouchstoneError, as Flask would choose it, else `problem`."""
    for name in (*request.blueprints, None):
        handlers = app.error_handler_spec.get(name, {}).get(None, {})
        for kind in type(error).__mro__:
            if kind in handlers and issubclass(kind, TouchstoneError):
                return handlers[kind]
    return problem


def _checked(issuer: TokenVerifier) -> TokenVerifier:
    arguments.function("issuer.verify", None if isinstance(issuer, type) else getattr(issuer, "verify", None))
    return issuer


def _with_claims(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `default` of a JSON provider, extended to claims and frozen sets."""

    def encode(value: Any) -> Any:
        try:
            return default(value)
        except TypeError:
            if isinstance(value, AccessClaims):
                return value.to_dict()
            if isinstance(value, frozenset):
                return sorted(value)
            raise

    return encode


def _guards(function: object) -> bool:
    return getattr(function, _GUARDS, False) is True


def _guards_view(view: object) -> bool:
    """Return whether a view function, or each method of a class-based view, is behind `@require`."""
    cls = getattr(view, "view_class", None)
    if _guards(view) or cls is None:
        return _guards(view)
    # Flask-RESTful and Flask-RESTX have a list of decorators for all methods.
    decorators = getattr(cls, "method_decorators", ())
    if _guards(cls.dispatch_request) or (
        isinstance(decorators, list | tuple) and any(map(_guards, decorators))
    ):
        return True
    methods = {method.lower() for method in cls.methods or ()} - {"options"}
    return bool(methods) and all(_guards(getattr(cls, method, None)) for method in methods)


def _current() -> AccessClaims:
    try:
        return cast("AccessClaims", request.environ[_CLAIMS])
    except KeyError:
        if request.method == "OPTIONS":
            raise _NoTokenError(response=current_app.make_default_options_response()) from None
        raise RuntimeError("no token has been verified: is the view behind @require?") from None


current_token: AccessClaims = cast("AccessClaims", LocalProxy(_current))
