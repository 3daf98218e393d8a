"""Reads the parameters of pages: strictly decoded, bounded, with repeated names kept for the use cases to judge."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlencode

from flask import Response, request
from service_kit.web.openapi import FORM

from auth_service.domain.errors import TryLater
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.web.form_parsing import form_fields
from auth_service.web.html.errors import retry_page

MAX_QUERY_BYTES = 16 * 1024
MAX_FORM_BYTES = 4 * MAX_QUERY_BYTES
# What a query may contain unescaped (RFC 3986 section 3.4), without the characters that separate its parts.
_UNESCAPED = "!$'()*,/:;?@"
Pairs = tuple[tuple[str, str], ...]
P = ParamSpec("P")


def query_pairs() -> Pairs:
    """Return the parameters of the query; raise InvalidAuthorizationRequest if they are malformed."""
    return _parsed(request.query_string, MAX_QUERY_BYTES)


def form_pairs() -> Pairs:
    """Return the parameters of the form in the body; raise InvalidAuthorizationRequest if they are malformed."""
    if request.mimetype != FORM:
        raise InvalidAuthorizationRequest("the request must be a URL-encoded form")
    return _parsed(request.get_data(cache=True), MAX_FORM_BYTES)


def fields(pairs: Pairs) -> dict[str, str]:
    """Return the first value of each name; the forms of our own pages have one of each."""
    return dict(reversed(pairs))


def encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query with these parameters, no longer than the one that they came in."""
    return urlencode(tuple(pairs), safe=_UNESCAPED)


def decoded(text: str) -> Pairs:
    """Return the parameters in a hidden field; raise InvalidAuthorizationRequest if they are malformed."""
    return _parsed(text, MAX_FORM_BYTES)


def _parsed(raw: bytes | str, limit: int) -> Pairs:
    if len(raw) > limit:
        raise InvalidAuthorizationRequest("the request is too long")
    try:
        return tuple(form_fields(raw))
    except ValueError:
        raise InvalidAuthorizationRequest("the request is malformed") from None


def or_form(
    submit: Callable[[dict[str, str]], Response],
) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Have a route for JSON also accept the form of a page, which `submit` answers with a page."""

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @wraps(view)
        def call(*args: P.args, **kwargs: P.kwargs) -> Response:
            if request.mimetype != FORM:
                return view(*args, **kwargs)
            try:
                return submit(fields(form_pairs()))
            except TryLater as error:
                return retry_page(error)

        return call

    return decorate
