"""Scopes and responses that the routes for receivers share."""

from flask import Response, jsonify
from pydantic import BaseModel
from service_kit.web.openapi import problem_response

from auth_service.web.openapi import Responses
from auth_service.web.responses import NO_STORE

MANAGE, READ = "ssf.manage", "ssf.read"
MANAGERS: list[dict[str, list[str]]] = [{"bearer": [MANAGE]}]
READERS: list[dict[str, list[str]]] = [{"bearer": [READ]}]
INVALID: Responses = {
    400: problem_response("The request is invalid, or the stream does not support this operation.")
}
UNKNOWN: Responses = {404: problem_response("This client has no stream with this id.")}
JsonResponse = tuple[Response, int, dict[str, str]]


def json_response(model: BaseModel, status: int = 200) -> JsonResponse:
    """Return an uncached response with the model, without absent members."""
    return jsonify(model.model_dump(exclude_none=True)), status, NO_STORE
