"""JSON responses that several routes share."""

from dataclasses import asdict

from flask import Response, jsonify
from pydantic import BaseModel

from auth_service.use_cases.oauth.token_issuer import TokenResponse

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def model_response(model: BaseModel) -> Response:
    """Return the response with the members of a model."""
    return jsonify(model.model_dump(mode="json"))


def token_response(token: TokenResponse) -> Response:
    """Return the response of RFC 6749 section 5.1, without absent members."""
    members = {name: value for name, value in asdict(token).items() if value is not None}
    response = jsonify({"token_type": "Bearer", **members})
    response.headers.update(NO_STORE)
    return response


def accepted(**members: object) -> Response:
    """Return a 202 response with these members."""
    response = jsonify(members)
    response.status_code = 202
    response.headers.update(NO_STORE)
    return response
