"""Request validation: size, media type, strict JSON, and the schemas of path, query and body."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints

import msgspec
from flask import Flask, Request, Response, request
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, ValidationError
from touchstone import strictjson
from werkzeug.exceptions import UnsupportedMediaType

from service_kit.errors import InvalidRequest, MalformedJson
from service_kit.web import request_body
from service_kit.web.request_body import BodyLimits

MAX_BODY = 64 * 1024
MAX_FAULTS = 20
NUL = "\x00"  # the one character of JSON that PostgreSQL cannot store in text
P = ParamSpec("P")
R = TypeVar("R")


class StrictJsonProvider(DefaultJSONProvider):
    """Flask's JSON, reading strictly: no duplicate members, no NaN, no deep nesting, UTF-8 only.

    Times are written after RFC 3339.
    """

    sort_keys = False

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        """Return the text of a value."""
        return self._encode(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response with a value, or with the members given by name."""
        body = self._encode(self._prepare_response_obj(args, kwargs))
        return Response(body, content_type=self.mimetype)

    def _encode(self, obj: Any) -> bytes:
        try:
            return msgspec.json.encode(obj)
        except (
            TypeError,
            ValueError,
            OverflowError,
        ):  # only the standard library can encode it, with escapes
            return super().dumps(obj).encode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        """Return the value, or raise ValueError."""
        return strictjson.loads(s)


class StrictRequest(Request):
    """A request whose JSON is a strict object or array, or an error, never None."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - werkzeug's form
        """Return the body; raise UnsupportedMediaType, MalformedJson or InvalidRequest."""
        if not self.is_json:
            raise UnsupportedMediaType("The body must be application/json.")
        raw = self.get_data(cache=True)
        try:
            value = self.json_module.loads(raw)
        except ValueError as error:
            raise MalformedJson(str(error)) from None
        if b"\\u0000" in raw and _holds_nul(value):
            raise InvalidRequest([{"where": "body", "what": "must not contain the character U+0000"}])
        if not isinstance(value, dict | list):
            raise InvalidRequest([{"where": "body", "what": "must be an object"}])
        return value


def _holds_nul(value: Any) -> bool:
    """Return whether a string or a member's name in this JSON value has a NUL."""
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and NUL in value


def faults_of(error: ValidationError, where: str = "") -> list[dict[str, str]]:
    """Return the place and the text of each fault, without the value, which may be a secret."""
    return [
        {
            "where": ".".join(str(part)[:64] for part in ((where, *f["loc"]) if where else f["loc"]))
            or "request",
            "what": f["msg"].removeprefix("Value error, "),
        }
        for f in error.errors(include_input=False, include_url=False, include_context=False)[:MAX_FAULTS]
    ]


def refuse(error: ValidationError) -> None:
    """Raise InvalidRequest: flask-openapi3's validation callback."""
    raise InvalidRequest(faults_of(error)) from None


def validated(view: Callable[P, R]) -> Callable[P, R]:
    """Validate the request's path, query and body when the view is called, and pass them as arguments.

    Put it next to the view, below `@require`: a caller without a token then gets 401 for any body. A body is optional if
    its model's configuration has `"openapi_extra": {"required": False}`. Raise InvalidRequest (422) with the faults, and
    the errors of `StrictRequest.get_json`.
    """
    models: dict[str, type[BaseModel]] = {}

    @wraps(view)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not models:  # once, when all names of the view's module exist
            hints = get_type_hints(view)
            models.update({part: hints[part] for part in ("path", "query", "body") if part in hints})
        for part, model in models.items():
            kwargs[part] = _read(part, model, kwargs)
        return view(*args, **kwargs)

    # flask-openapi3 then only documents the parameters.
    call.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return call


def _read(part: str, model: type[BaseModel], kwargs: dict[str, Any]) -> BaseModel:
    value: Any
    if part == "path":
        value = {name: kwargs.pop(name) for name in model.model_fields if name in kwargs}
    elif part == "query":
        value = {}
        if request.query_string:
            lists = request.args.to_dict(flat=False)
            value = {name: values[0] if len(values) == 1 else values for name, values in lists.items()}
    else:
        extra: Any = model.model_config.get("openapi_extra", {})
        is_absent = not extra.get("required", True) and not request.get_data(cache=True)
        value = {} if is_absent else request.get_json()
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest(faults_of(error, part)) from None


def init_app(app: Flask, max_body: int = MAX_BODY, seconds: float = 10) -> None:
    """Accept complete bodies of at most `max_body` bytes within `seconds`, and strict JSON only."""
    app.request_class = StrictRequest
    app.json = StrictJsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = max_body + 1  # one more, so that `request_body` refuses it
    app.config["MAX_FORM_MEMORY_SIZE"] = max_body
    app.config["MAX_FORM_PARTS"] = 100

    limits = app.extensions["request_body"] = BodyLimits(max_body, seconds)

    @app.before_request
    def read_body() -> None:
        request_body.read(request, limits)
