"""Routes for people: accounts, log-in, log-out, passwords."""

from typing import Any

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.oauth.scopes import parse_scope
from auth_service.web.accounts.schemas import AccountMade, Credentials, NewAccount, PasswordChange
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import FRESH, TOKEN_RESPONSES, problem_or_oauth, token_answer

TAGS = [Tag(name="accounts", description="Registration, log-in and log-out.")]
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
DONE: dict[Any, Any] = {204: {"description": "Done."}}
BUSY = problem_response("Too many log-ins; Retry-After says when to try again.")

LOG_IN_RESPONSES: dict[Any, Any] = {
    **TOKEN_RESPONSES,
    400: problem_or_oauth("The body is malformed, or the scope or audience cannot be granted."),
    401: problem_or_oauth(
        "The email address or the password is wrong, or this client is not registered for direct log-in."
    ),
    429: BUSY,
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("accounts", __name__, abp_tags=TAGS)

    @routes.post("/accounts", operation_id="openAccount", responses={201: AccountMade, 429: BUSY})
    @validated
    def open_account(body: NewAccount) -> tuple[Response, int]:
        """Open an account. An address that has one already answers alike."""
        return jsonify(sub=use_cases.registration(body.email, body.password, body.name)), 201

    @routes.post("/login", operation_id="logIn", responses=LOG_IN_RESPONSES)
    @validated
    def log_in(body: Credentials) -> Response:
        """Log in with address and password: a session, an access token and a refresh token."""
        scopes = parse_scope(body.scope)
        return token_answer(
            use_cases.login(body.email, body.password, body.client_id, scopes, body.audiences())
        )

    @routes.post("/logout", operation_id="logOut", security=BEARER, responses=DONE)
    @require()
    def log_out() -> tuple[str, int]:
        """End this session."""
        use_cases.logout(current_token.subject, current_token.session_id)
        return "", 204

    @routes.post("/logout/all", operation_id="logOutEverywhere", security=BEARER, responses={**DONE, **FRESH})
    @require(fresh=True)
    def log_out_everywhere() -> tuple[str, int]:
        """End every session of the account."""
        use_cases.logout.everywhere(current_token.subject, current_token.session_id)
        return "", 204

    @routes.post(
        "/account/password",
        operation_id="changePassword",
        security=BEARER,
        responses={**DONE, **FRESH, 429: BUSY},
    )
    @require(fresh=True)
    @validated
    def change_password(body: PasswordChange) -> tuple[str, int]:
        """Replace the password; all other sessions end."""
        claims = current_token
        use_cases.password_change(claims.subject, claims.session_id, body.current_password, body.new_password)
        return "", 204

    return routes
