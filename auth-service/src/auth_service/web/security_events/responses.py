"""Access, documented errors and responses that the routes for receivers share."""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from service_kit.web.openapi import problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import require

from auth_service.domain.security_events.errors import InvalidStream, UnknownStream
from auth_service.web.openapi import Responses
from auth_service.web.responses import NO_STORE
from auth_service.web.security_events.errors import PROBLEMS

MANAGER = ("ssf.manage",)
READER = ("ssf.read", "ssf.manage")
INVALID: Responses = {
    400: problem_response(
        "The request is invalid, or the stream does not support this operation.", PROBLEMS[InvalidStream]
    )
}
ERRORS: Responses = INVALID | {
    404: problem_response("This client has no stream with this id.", PROBLEMS[UnknownStream])
}
JsonResponse = tuple[Response, int, dict[str, str]]
View = Callable[..., Any]


def endpoint(
    route: Callable[..., Callable[[View], View]],
    rule: str,
    operation_id: str,
    scopes: tuple[str, ...],
    responses: Responses,
) -> Callable[[View], View]:
    """Register a view for tokens with one of these scopes (the first is documented), and validate its parameters."""
    register = route(rule, operation_id=operation_id, security=[{"bearer": [scopes[0]]}], responses=responses)
    return lambda view: register(require(any_of=scopes)(validated(view)))


def json_response(model: BaseModel, status: int = 200) -> JsonResponse:
    """Return an uncached response with the model, without absent members."""
    return jsonify(model.model_dump(exclude_none=True)), status, NO_STORE
