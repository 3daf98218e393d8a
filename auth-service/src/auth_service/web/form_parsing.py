"""Reads URL-encoded forms: UTF-8, bounded, and for OAuth one value for each name (RFC 6749 section 3.2)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints
from urllib.parse import parse_qsl

from flask import request
from pydantic import BaseModel, ValidationError
from service_kit.web.openapi import FORM
from service_kit.web.request_validation import NUL

from auth_service.domain.oauth.errors import InvalidRequest

MAX_FIELDS = 50
P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)


def oauth_form(view: Callable[P, R]) -> Callable[P, R]:
    """Fill a view's `form` from the request, or raise InvalidRequest, which OAuth clients can read."""
    model: list[type[BaseModel]] = []

    @wraps(view)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not model:
            model.append(get_type_hints(view)["form"])
        kwargs["form"] = read_form(model[0])
        return view(*args, **kwargs)

    return documented()(call)


def documented(**parts: type[BaseModel]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Add to the OpenAPI document the `query` or `form` that a view reads itself."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.__annotations__ |= parts
        # flask-openapi3 then documents the parameters and does not read them
        view.__delay_validate_request__ = True  # type: ignore[attr-defined]
        return view

    return mark


def read_form(model: type[M]) -> M:
    """Return the form in the body. A name without a value counts as absent; unknown names are ignored."""
    if request.mimetype != FORM:
        raise InvalidRequest(f"the body must be {FORM}")
    try:
        pairs = form_fields(request.get_data(cache=True))
    except ValueError:
        raise InvalidRequest("the body must be a URL-encoded form in UTF-8") from None
    repeatable = {name for name, field in model.model_fields.items() if field.annotation != str | None}
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in repeatable:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise InvalidRequest("a parameter appears more than once")
        else:
            values[name] = value
    try:
        return model.model_validate(
            {name: value for name, value in values.items() if value not in ("", [""])}
        )
    except ValidationError:
        raise InvalidRequest("a parameter is malformed") from None


def form_fields(raw: bytes | str) -> list[tuple[str, str]]:
    """Return names and values in order; raise ValueError for malformed UTF-8, a NUL or too many fields."""
    text = raw if isinstance(raw, str) else raw.decode("ascii")
    if "%00" in text or NUL in text:
        raise ValueError("a NUL")
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
