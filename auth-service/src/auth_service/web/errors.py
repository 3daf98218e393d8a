"""Answers that several routes share: tokens, OAuth errors, and what this service's own errors become."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify
from service_kit.web.openapi import problem_response
from service_kit.web.problems import ProblemType, problem

from auth_service.domain import errors
from auth_service.domain.accounts import errors as account_errors
from auth_service.domain.oauth import errors as oauth_errors
from auth_service.domain.security_events import errors as stream_errors
from auth_service.domain.sessions import errors as session_errors
from auth_service.use_cases.oauth.token_issuer import TokenResponse
from auth_service.web.schemas import OAuthProblem, TokenAnswerBody

PROBLEMS: Mapping[type[Exception], ProblemType] = {
    account_errors.InvalidEmail: ProblemType(422, "invalid_email", "The email address is invalid"),
    account_errors.InvalidName: ProblemType(422, "invalid_name", "The name is invalid"),
    account_errors.InvalidPassword: ProblemType(
        422, "invalid_password", "The password does not meet the requirements"
    ),
    account_errors.WrongPassword: ProblemType(403, "wrong_password", "The current password is wrong"),
    errors.UnknownKey: ProblemType(404, "unknown_key", "Signing key not found"),
    account_errors.UnknownAccount: ProblemType(404, "unknown_account", "Account not found"),
    session_errors.UnknownSession: ProblemType(404, "unknown_session", "Session not found"),
    session_errors.UnknownStatusList: ProblemType(404, "unknown_status_list", "Status list not found"),
    stream_errors.UnknownStream: ProblemType(404, "unknown_stream", "Stream not found"),
    stream_errors.InvalidStream: ProblemType(
        400,
        "invalid_stream",
        "The stream configuration is invalid, or the stream does not support this operation",
    ),
    stream_errors.TooManyStreams: ProblemType(
        409, "too_many_streams", "The client has reached its limit of streams"
    ),
    stream_errors.TooManyVerifications: ProblemType(
        429, "too_many_verifications", "The stream was verified too recently"
    ),
    account_errors.OwnAccount: ProblemType(409, "own_account", "You cannot disable your own account"),
    account_errors.BindingMissing: ProblemType(
        400, "binding_missing", "The link or code must be used in the browser that requested it"
    ),
    account_errors.MailBusy: ProblemType(503, "mail_busy", "No mail can be sent at the moment"),
    account_errors.SlowedDown: ProblemType(429, "slowed_down", "Too many failed log-ins"),
    account_errors.TooBusy: ProblemType(429, "too_busy", "Too many log-ins at the moment"),
    errors.NoSigningKey: ProblemType(503, "no_signing_key", "No signing key is available"),
    session_errors.StatusListsStale: ProblemType(503, "status_unconfirmed", "The status lists are stale"),
}
UNAUTHORIZED: Mapping[type[errors.AuthError], tuple[str, str]] = {
    account_errors.BadCredentials: (
        "The email address or the password is wrong",
        'Bearer realm="touchstone"',
    ),
    account_errors.BadLink: ("The link or code is invalid", 'Bearer realm="touchstone"'),
    oauth_errors.InvalidToken: ("The access token is invalid", 'Bearer error="invalid_token"'),
    session_errors.SessionOver: ("The session has ended", 'Bearer error="invalid_token"'),
}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# However the client tried: it is the one scheme here, and clients that ask first which there is can go on (RFC 7617).
CLIENT_CHALLENGE = 'Basic realm="touchstone", charset="UTF-8"'
FRESH: dict[Any, Any] = {503: problem_response("The token's status cannot be confirmed at the moment.")}
TOKEN_RESPONSES: dict[Any, Any] = {
    200: TokenAnswerBody,
    400: OAuthProblem,
    401: OAuthProblem,
    503: problem_response("No token can be issued at the moment."),
}


def problem_or_oauth(description: str) -> dict[str, Any]:
    """Describe an answer that is a problem, or in OAuth's form when scope, audience or client are not good."""
    described = problem_response(description)
    described["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/OAuthProblem"}}
    return described


def token_answer(answer: TokenResponse) -> Response:
    """Give RFC 6749 section 5.1; what is not there is left out."""
    members = {name: value for name, value in asdict(answer).items() if value is not None}
    response = jsonify({"token_type": "Bearer", **members})
    response.headers.update(NO_STORE)
    return response


def oauth_error(error: oauth_errors.OAuthError) -> tuple[Response, int, dict[str, str]]:
    """Give RFC 6749 section 5.2."""
    body = jsonify(error=error.slug, error_description=str(error))
    if isinstance(error, oauth_errors.InvalidClient):
        return body, 401, {**NO_STORE, "WWW-Authenticate": CLIENT_CHALLENGE}
    return body, 400, NO_STORE


def unauthorized(error: errors.AuthError) -> Response:
    """Give a 401 problem with the challenge that RFC 9110 section 15.5.2 asks for."""
    title, challenge = UNAUTHORIZED[type(error)]
    return problem(401, error.slug, title, detail=str(error), headers={"WWW-Authenticate": challenge})


def install(app: Flask) -> None:
    """Answer OAuth's errors in OAuth's form, and ours that need a challenge with one."""
    app.register_error_handler(oauth_errors.OAuthError, oauth_error)
    for kind in UNAUTHORIZED:
        app.register_error_handler(kind, unauthorized)
