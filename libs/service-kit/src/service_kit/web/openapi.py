"""The OpenAPI document: flask-openapi3's, with problem responses and the bearer scheme.

It is built at the first request for it: the schemas of all models take longer than the rest of a service's start.
"""

import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.validation_error import ValidationErrorModel
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.scaffold import APIScaffold
from flask_openapi3.types import ParametersTuple, SecuritySchemesDict
from flask_openapi3.utils import parse_parameters
from pydantic import Field
from werkzeug.routing import MapAdapter, Rule

from service_kit.errors import BadCursor, InvalidRequest, MalformedJson
from service_kit.web.problems import MEDIA_TYPE, SERVICE_KIT_PROBLEMS, URN, ProblemType, http_problem_type
from service_kit.web.request_validation import refuse

SECURITY_SCHEMES: SecuritySchemesDict = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "at+jwt",
        "description": "An access token after RFC 9068, verified locally.",
    }
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An error after RFC 9457.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}
REQUEST_ID = "7f9c24e5b3a14d0c9e6f1a2b3c4d5e6f"
_FAULTS = [{"where": "body.items", "what": "Field required"}]
_REF = {"$ref": "#/components/schemas/Problem"}
FORM = "application/x-www-form-urlencoded"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def problem_response(description: str, kind: ProblemType | None = None, **extra: Any) -> dict[str, Any]:
    """Return the response object of a problem, for an operation's `responses`.

    The example is a problem of this kind with the `extra` members; without a kind `Api` adds that of the status.
    """
    media: dict[str, Any] = {"schema": _REF}
    if kind is not None:
        media["example"] = {
            "type": URN + kind.slug,
            "title": kind.title,
            "status": kind.status,
            **extra,
            "request_id": REQUEST_ID,
        }
    return {"description": description, "content": {MEDIA_TYPE: media}}


INVALID = problem_response(
    "The request is invalid; `errors` lists the faults.", SERVICE_KIT_PROBLEMS[InvalidRequest], errors=_FAULTS
)
BAD_CURSOR = problem_response("The cursor is invalid.", SERVICE_KIT_PROBLEMS[BadCursor])
BODY_PROBLEMS = {
    "400": problem_response("The body is malformed or incomplete.", SERVICE_KIT_PROBLEMS[MalformedJson]),
    "413": problem_response("The body has more than 64 KiB."),
    "415": problem_response("The body has another media type."),
}
TOKEN_PROBLEMS = {
    "401": problem_response(
        "The access token is missing or not valid here.", ProblemType(401, "missing_token", "Unauthorized")
    ),
    "403": problem_response(
        "The access token lacks a scope.", ProblemType(403, "insufficient_scope", "Forbidden")
    ),
}


def parameter(description: str, example: Any = None, **options: Any) -> Any:
    """Return the pydantic field of a parameter in a path or query; `options` are those of `Field`."""
    extra = None if example is None else {"example": example}
    return Field(description=description, json_schema_extra=extra, **options)


def bearer(*scopes: str) -> list[dict[str, list[Any]]]:
    """Return an operation's `security`: an access token with any one of these scopes."""
    return [{"bearer": [scope]} for scope in scopes]


class _LazyDescriptions(APIScaffold):
    """Collects the descriptions of routes when `describe` is called, not when the routes are added."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._undescribed: list[Callable[[], object]] = []

    def _collect_openapi_info(self, rule: str, func: Callable[..., Any], **facts: Any) -> ParametersTuple:
        """Return the models that the view's parameters are read with."""
        self._undescribed.append(partial(super()._collect_openapi_info, rule, func, **facts))
        return parse_parameters(func, doc_ui=False)

    def describe(self) -> None:
        """Fill `paths`, `tags` and `components_schemas`."""
        for collect in self._undescribed:
            collect()
        self._undescribed.clear()


class ApiBlueprint(_LazyDescriptions, APIBlueprint):
    """A blueprint of an `Api`."""


class _NoSessions(SessionInterface):
    """Disables Flask's session cookie: the services use tokens."""

    _null = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's form
        """Return the empty session."""
        return self._null


class _LazyRule(Rule):
    """Compiles its URL builder at first use; werkzeug does so at the start, for 0.6 ms a route."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - werkzeug's form
        compiled = cache(super()._compile_builder)

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            return compiled(append_unknown)(rule, **values)

        return build


class Api(_LazyDescriptions, OpenAPI):
    """A flask-openapi3 app whose document has problems as error responses."""

    url_rule_class = _LazyRule

    def __init__(self, name: str, *, info: Info, **options: Any) -> None:
        super().__init__(
            name,
            info=info,
            security_schemes=SECURITY_SCHEMES,
            validation_error_callback=refuse,
            doc_ui=False,
            static_folder=None,
            **options,
        )
        self.session_interface = _NoSessions()
        self._making_document = threading.Lock()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view or hook itself: the services have no coroutines, and Flask's check takes time at each call."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return Flask's adapter without SERVER_NAME and TRUSTED_HOSTS, which no service sets, in a third of the time."""
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        where = (request.host, request.root_path, self.url_map.default_subdomain, request.scheme)
        return MapAdapter(self.url_map, *where, path, request.method, environ.get("QUERY_STRING", ""))

    @property
    def api_doc(self) -> dict[str, Any]:
        """The OpenAPI document."""
        with self._making_document:
            return super().api_doc

    def describe(self) -> None:
        """Fill `paths`, `tags` and `components_schemas`, those of the blueprints too."""
        super().describe()
        for blueprint in self.blueprints.values():
            if isinstance(blueprint, ApiBlueprint):
                blueprint.describe()
                self.tags += (tag for tag in blueprint.tags if tag not in self.tags)
                self.paths |= blueprint.paths
                self.components_schemas |= blueprint.components_schemas

    def generate_spec_json(self) -> None:
        """Build the document, then add to each operation its problem responses and the encoding of its forms."""
        self.describe()
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        schemas = self.spec_json["components"].setdefault("schemas", {})
        for unused in (
            self.validation_error_model.__name__,
            ValidationErrorModel.__name__,
            "UnprocessableEntity",
        ):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM_SCHEMA
        for schema in schemas.values():
            if "example" in schema:  # the only form that flask-openapi3 passes on; OpenAPI 3.1 deprecates it
                schema["examples"] = [schema.pop("example")]
        for item in self.spec_json["paths"].values():
            for method, operation in item.items():
                if method in METHODS:
                    self._add_problems(operation)
                    _encode_forms(operation, schemas)
                    _describe(operation)

    def _add_problems(self, operation: dict[str, Any]) -> None:
        responses: dict[str, Any] = operation["responses"]
        if "application/json" in responses.get(self.validation_error_status, {}).get("content", {}):
            del responses[self.validation_error_status]  # flask-openapi3's own form, which is never sent
        if operation.get("parameters") or operation.get("requestBody"):
            responses.setdefault("422", INVALID)
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
            responses.setdefault("400", BAD_CURSOR)
        if operation.get("requestBody"):
            for status, response in BODY_PROBLEMS.items():
                responses.setdefault(status, response)
        if operation.get("security"):
            for status, response in TOKEN_PROBLEMS.items():
                responses.setdefault(status, response)
        responses.setdefault("default", problem_response("Any other error."))
        for status, response in responses.items():
            media = response.get("content", {}).get(MEDIA_TYPE, {})
            if status.isdecimal() and media.get("schema") == _REF and "example" not in media:
                response["content"][MEDIA_TYPE] = problem_response("", http_problem_type(int(status)))[
                    "content"
                ][MEDIA_TYPE]


def _describe(operation: dict[str, Any]) -> None:
    """Make the summary plain text, the description CommonMark; say of each parameter once what it is."""
    operation["summary"] = operation.get("summary", "").replace("`", "")
    operation["description"] = operation.get("description", "").removeprefix("<br/>").strip()
    for each in operation.get("parameters", ()):
        for said in ("description", "example"):
            each["schema"].pop(said, None)
        _without_null(each["schema"])


def _encode_forms(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Document forms as URL-encoded, the one encoding that is accepted; flask-openapi3 writes multipart."""
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        content[FORM] = content.pop("multipart/form-data")
        schema = schemas[content[FORM]["schema"]["$ref"].rpartition("/")[2]]
        example = schema.get("examples", [{}])[0]
        for name, field in schema["properties"].items():
            _without_null(field)
            if name in example:
                field["examples"] = [example[name]]


def _without_null(schema: dict[str, Any]) -> None:
    """Describe a parameter that may be left out, which JSON would call null, by its other type alone."""
    if schema.get("default", "") in (None, []):
        del schema["default"]
        types = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
        schema |= types[0] if len(types) == 1 else {"anyOf": types} if types else {}
