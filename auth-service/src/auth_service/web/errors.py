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
    account_errors.InvalidEmail: ProblemType(422, "invalid_email", "This is not an e-mail address"),
    account_errors.InvalidName: ProblemType(422, "invalid_name", "This is not a name"),
    account_errors.InvalidPassword: ProblemType(422, "invalid_password", "This password cannot be used"),
    account_errors.WrongPassword: ProblemType(403, "wrong_password", "The current password is not right"),
    errors.UnknownKey: ProblemType(404, "unknown_key", "There is no such key"),
    account_errors.UnknownAccount: ProblemType(404, "unknown_account", "There is no such account"),
    session_errors.UnknownSession: ProblemType(404, "unknown_session", "There is no such session"),
    session_errors.UnknownStatusList: ProblemType(404, "unknown_status_list", "There is no such status list"),
    stream_errors.UnknownStream: ProblemType(404, "unknown_stream", "You have no such stream"),
    stream_errors.InvalidStream: ProblemType(
        400, "invalid_stream", "A stream cannot be so, or does not do this"
    ),
    stream_errors.TooManyStreams: ProblemType(409, "too_many_streams", "There are as many streams as may be"),
    stream_errors.TooManyVerifications: ProblemType(
        429, "too_many_verifications", "This stream was verified a moment ago"
    ),
    account_errors.OwnAccount: ProblemType(409, "own_account", "Nobody shuts themselves out"),
    account_errors.BindingMissing: ProblemType(
        400, "binding_missing", "This has to be redeemed where it was asked for"
    ),
    account_errors.MailBusy: ProblemType(503, "mail_busy", "No mail can be sent now"),
    account_errors.SlowedDown: ProblemType(429, "slowed_down", "Too many failed log-ins"),
    account_errors.TooBusy: ProblemType(429, "too_busy", "Too many log-ins at once"),
    errors.NoSigningKey: ProblemType(503, "no_signing_key", "Tokens cannot be signed now"),
    session_errors.StatusListsStale: ProblemType(
        503, "status_unconfirmed", "Status lists cannot be read now"
    ),
}
UNAUTHORIZED: Mapping[type[errors.AuthError], tuple[str, str]] = {
    account_errors.BadCredentials: ("Address or password is wrong", 'Bearer realm="touchstone"'),
    account_errors.BadLink: ("This link or code opens nothing", 'Bearer realm="touchstone"'),
    oauth_errors.InvalidToken: ("The access token is not valid", 'Bearer error="invalid_token"'),
    session_errors.SessionOver: ("The session has ended", 'Bearer error="invalid_token"'),
}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# However the client tried: it is the one scheme here, and clients that ask first which there is can go on (RFC 7617).
CLIENT_CHALLENGE = 'Basic realm="touchstone", charset="UTF-8"'
FRESH: dict[Any, Any] = {503: problem_response("Whether the token still stands cannot be confirmed now.")}
TOKEN_RESPONSES: dict[Any, Any] = {
    200: TokenAnswerBody,
    400: OAuthProblem,
    401: OAuthProblem,
    503: problem_response("Cannot be answered now."),
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
