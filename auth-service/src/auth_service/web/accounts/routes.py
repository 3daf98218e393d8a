"""Routes for registration, log-in, log-out and password changes."""

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.oauth.scopes import parse_scope
from auth_service.use_cases.accounts.login import RequestedAccess
from auth_service.web.accounts.schemas import (
    Credentials,
    LogoutRequest,
    PasswordChangeRequest,
    RegisteredAccount,
    RegistrationRequest,
)
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form
from auth_service.web.openapi import (
    BEARER,
    FRESH,
    HTML_RESPONSE,
    NO_CONTENT,
    PAGE_RESPONSES,
    TOKEN_RESPONSES,
    TOO_MANY_LOGINS,
    Responses,
    problem_or_oauth_error,
)
from auth_service.web.pages.registration import PATH, RegistrationPage
from auth_service.web.pages.schemas import PendingRequestQuery
from auth_service.web.responses import token_response

TAGS = [Tag(name="accounts", description="Registration, log-in and log-out.")]
LOGIN_RESPONSES: Responses = {
    **TOKEN_RESPONSES,
    400: problem_or_oauth_error("The body is malformed, or the scope or audience cannot be granted."),
    401: problem_or_oauth_error(
        "The email address or the password is wrong, or this client is not registered for direct log-in."
    ),
    **TOO_MANY_LOGINS,
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("accounts", __name__, abp_tags=TAGS)
    page = RegistrationPage(use_cases)
    errors.install(routes, json=True)

    @routes.get(PATH, operation_id="registrationPage", responses=PAGE_RESPONSES)
    @documented(query=PendingRequestQuery)
    def registration_page() -> Response:
        """Show the form for a new account."""
        return page.open()

    @routes.post(
        PATH,
        operation_id="openAccount",
        responses={201: RegisteredAccount, 200: HTML_RESPONSE, **TOO_MANY_LOGINS},
    )
    @or_form(page.submit)
    @validated
    def register(body: RegistrationRequest) -> Response:
        """Create an account. The response is the same if the address already has one."""
        response = jsonify(sub=use_cases.registration(body.email, body.password, body.name))
        response.status_code = 201
        return response

    @routes.post("/login", operation_id="logIn", responses=LOGIN_RESPONSES)
    @validated
    def log_in(body: Credentials) -> Response:
        """Log in with email address and password; the response has an access token and a refresh token."""
        wanted = RequestedAccess(body.client_id, parse_scope(body.scope), body.audiences())
        return token_response(use_cases.login(body.email, body.password, wanted))

    @routes.post("/logout", operation_id="logOut", security=BEARER, responses=NO_CONTENT)
    @require()
    @validated
    def log_out(body: LogoutRequest) -> tuple[str, int]:
        """End this session, and on request the browser session that it was opened through."""
        end = use_cases.logout.with_browser_session if body.browser_session else use_cases.logout
        end(current_token.subject, current_token.session_id)
        return "", 204

    @routes.post(
        "/logout/all", operation_id="logOutEverywhere", security=BEARER, responses={**NO_CONTENT, **FRESH}
    )
    @require(fresh=True)
    def log_out_everywhere() -> tuple[str, int]:
        """End every session of the account."""
        use_cases.logout.everywhere(current_token.subject, current_token.session_id)
        return "", 204

    @routes.post(
        "/account/password",
        operation_id="changePassword",
        security=BEARER,
        responses={**NO_CONTENT, **FRESH, **TOO_MANY_LOGINS},
    )
    @require(fresh=True)
    @validated
    def change_password(body: PasswordChangeRequest) -> tuple[str, int]:
        """Change the password; this ends all other sessions."""
        token = current_token
        use_cases.password_change(token.subject, token.session_id, body.current_password, body.new_password)
        return "", 204

    return routes
