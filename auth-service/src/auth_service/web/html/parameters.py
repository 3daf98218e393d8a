"""Reading the parameters of pages: strictly decoded, bounded, and repeated names kept, for the domain to judge."""

from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel
from service_kit.web.openapi import FORM

from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.web.form_parsing import form_fields

LONGEST_QUERY = 16 * 1024
LONGEST_FORM = 4 * LONGEST_QUERY
# What a query may hold unescaped (RFC 3986 section 3.4), without what separates its parts.
_PLAIN = "!$'()*,/:;?@"
Pairs = tuple[tuple[str, str], ...]
P = ParamSpec("P")
R = TypeVar("R")


def query_pairs() -> Pairs:
    """Give the query's parameters; raises Unanswerable for what is no query."""
    return parsed(request.query_string)


def form_pairs() -> Pairs:
    """Give the parameters of a form in the body; raises Unanswerable for what is none."""
    if request.mimetype != FORM:
        raise InvalidAuthorizationRequest("the request must be a URL-encoded form")
    return parsed(request.get_data(cache=True), longest=LONGEST_FORM)


def written(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a query that these pairs are read from: no longer than the URI that they came in."""
    return urlencode(tuple(pairs), safe=_PLAIN)


def written_in_form(text: str) -> Pairs:
    """Return the pairs of the query in a hidden field of our forms; raise Unanswerable for anything else."""
    return parsed(text, longest=LONGEST_FORM)


def parsed(raw: bytes | str, *, longest: int = LONGEST_QUERY) -> Pairs:
    """Give names and values in order; raises Unanswerable for what is too long, or not UTF-8."""
    if len(raw) > longest:
        raise InvalidAuthorizationRequest("the request is too long")
    try:
        return tuple(form_fields(raw))
    except ValueError:
        raise InvalidAuthorizationRequest("the request cannot be read") from None


def described(**parts: type[BaseModel]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Say in the OpenAPI document what a view reads by itself: ``query`` or ``form``."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.__annotations__ |= parts
        # flask-openapi3 documents these, and leaves reading them to us
        view.__delay_validate_request__ = True  # type: ignore[attr-defined]
        return view

    return mark
