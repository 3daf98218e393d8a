"""The table of errors and their HTTP status, and the handlers for OAuth errors and 401 responses."""

from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, jsonify
from service_kit.web.problems import ProblemType, problem

from auth_service.domain import errors
from auth_service.domain.accounts import errors as account_errors
from auth_service.domain.oauth import errors as oauth_errors
from auth_service.domain.sessions import errors as session_errors
from auth_service.web.responses import NO_STORE

PROBLEMS: Final[Mapping[type[Exception], ProblemType]] = {
    account_errors.InvalidEmail: ProblemType(422, "invalid_email", "The email address is invalid"),
    account_errors.InvalidName: ProblemType(422, "invalid_name", "The name is invalid"),
    account_errors.InvalidPassword: ProblemType(
        422, "invalid_password", "The password does not meet the requirements"
    ),
    account_errors.WrongPassword: ProblemType(403, "wrong_password", "The current password is wrong"),
    errors.UnknownSigningKey: ProblemType(404, "unknown_key", "Signing key not found"),
    account_errors.UnknownAccount: ProblemType(404, "unknown_account", "Account not found"),
    session_errors.UnknownSession: ProblemType(404, "unknown_session", "Session not found"),
    session_errors.UnknownStatusList: ProblemType(404, "unknown_status_list", "Status list not found"),
    oauth_errors.InvalidRegistration: ProblemType(422, "invalid_registration", "The registration is invalid"),
    oauth_errors.InvalidClientMetadata: ProblemType(
        422, "invalid_registration", "The registration is invalid"
    ),
    oauth_errors.UnknownRow: ProblemType(404, "not_registered", "The registry has no row of this name"),
    oauth_errors.UnknownClient: ProblemType(404, "unknown_client", "Client not found"),
    oauth_errors.RowInUse: ProblemType(409, "in_use", "The name is in use"),
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
UNAUTHORIZED: Final[Mapping[type[errors.AuthError], tuple[str, str, str]]] = {
    account_errors.BadCredentials: (
        "bad_credentials",
        "The email address or the password is wrong",
        'Bearer realm="touchstone"',
    ),
    account_errors.BadLink: ("bad_link", "The link or code is invalid", 'Bearer realm="touchstone"'),
    oauth_errors.InvalidToken: (
        "invalid_token",
        "The access token is invalid",
        'Bearer error="invalid_token"',
    ),
    session_errors.SessionOver: ("session_over", "The session has ended", 'Bearer error="invalid_token"'),
}
# Sent to every client, for Basic is the only scheme here that has a challenge (RFC 7617).
CLIENT_CHALLENGE = 'Basic realm="touchstone", charset="UTF-8"'


def install(app: Flask) -> None:
    """Register the handlers of OAuth errors and of errors that need a challenge."""
    app.register_error_handler(oauth_errors.OAuthError, oauth_error)
    for kind in UNAUTHORIZED:
        app.register_error_handler(kind, unauthorized)


def oauth_error(error: oauth_errors.OAuthError) -> tuple[Response, int, dict[str, str]]:
    """Return the error response of RFC 6749 section 5.2."""
    body = jsonify(error=error.slug, error_description=str(error))
    if isinstance(error, oauth_errors.InvalidClient):
        return body, 401, {**NO_STORE, "WWW-Authenticate": CLIENT_CHALLENGE}
    return body, 400, NO_STORE


def unauthorized(error: errors.AuthError) -> Response:
    """Return a 401 problem with a challenge (RFC 9110 section 15.5.2)."""
    slug, title, challenge = UNAUTHORIZED[type(error)]
    return problem(401, slug, title, detail=str(error), headers={"WWW-Authenticate": challenge})
