"""Routes for email verification and password resets by a mailed link."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.accounts.errors import BadLink, InvalidPassword
from auth_service.web.accounts.link_form import LinkForm
from auth_service.web.accounts.schemas import EmailBody, LinkQuery, LinkRequest, NewPassword
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form
from auth_service.web.html.rendering import error_page, result_page
from auth_service.web.openapi import BEARER, MAIL_QUEUE_FULL, MAIL_TAGS, NO_CONTENT, PAGE_RESPONSES, Responses
from auth_service.web.responses import NO_STORE, accepted

VERIFICATION, CONFIRMATION = "/account/verification", "/account/verification/confirm"
RESET = "/password-resets/redeem"
ACCEPTED: Responses = {
    202: {"description": "Accepted: a mail is sent if the address has an account."},
    **MAIL_QUEUE_FULL,
}
REDEEMED: Responses = NO_CONTENT | {401: problem_response("The link is invalid, already used or expired.")}
TOO_MANY_PASSWORDS: Responses = {
    429: problem_response("Too many passwords are being checked; Retry-After says when to try again.")
}
INVALID_LINK = "This link is not valid"


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("email_links", __name__, abp_tags=MAIL_TAGS)
    errors.install(routes, json=True)
    _email_verification(routes, use_cases)
    _password_reset(routes, use_cases)
    return routes


def _email_verification(routes: ApiBlueprint, use_cases: UseCases) -> None:
    link_form = LinkForm(use_cases.forms, "verification.html", CONFIRMATION, "verification")

    @routes.get(VERIFICATION, operation_id="verificationPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def verification_page() -> Response:
        """Show the page that verifies an address. Opening it does not use up the link."""
        return link_form.open()

    @routes.post(VERIFICATION, operation_id="resendVerification", security=BEARER, responses=ACCEPTED)
    @require(fresh=True)
    def resend() -> Response:
        """Mail the verification link again; limited to a few times a day."""
        use_cases.email_verification.resend(current_token.subject, current_token.session_id)
        return accepted(status="accepted")

    def submit(form: dict[str, str]) -> Response:
        try:
            use_cases.email_verification(link_form.token(form))
        except BadLink as error:
            return error_page(str(error), title=INVALID_LINK)
        return result_page("Email address confirmed", "You can close this page.")

    @routes.post(CONFIRMATION, operation_id="verify", responses=REDEEMED)
    @or_form(submit)
    @validated
    def verify(body: LinkRequest) -> Response:
        """Verify an address with the mailed `token`, once. New tokens then have all scopes of the account."""
        use_cases.email_verification(body.token)
        return Response(status=204, headers=NO_STORE)


def _password_reset(routes: ApiBlueprint, use_cases: UseCases) -> None:
    link_form = LinkForm(use_cases.forms, "new_password.html", RESET, "reset")

    @routes.post("/password-resets", operation_id="askForReset", responses=ACCEPTED)
    @validated
    def request_reset(body: EmailBody) -> Response:
        """Mail a link to choose a new password, if the address has an account; the response is the same if not."""
        use_cases.password_reset_request(body.email)
        return accepted(status="accepted")

    @routes.get(RESET, operation_id="newPasswordPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def new_password_page() -> Response:
        """Show the form for a new password. Opening it does not use up the link."""
        return link_form.open()

    def submit(form: dict[str, str]) -> Response:
        token = link_form.token(form)
        try:
            use_cases.password_reset(token, form.get("new_password", ""))
        except InvalidPassword as error:
            fault = str(error)
            return link_form.page(token, 422, {"new_password": f"{fault[:1].upper()}{fault[1:]}."})
        except BadLink as error:
            return error_page(str(error), title=INVALID_LINK)
        return result_page("Password changed", "You can now log in with your new password.")

    @routes.post(RESET, operation_id="resetPassword", responses=REDEEMED | TOO_MANY_PASSWORDS)
    @or_form(submit)
    @validated
    def reset(body: NewPassword) -> Response:
        """Replace the password with the mailed `token`, once; this ends every session of the account."""
        use_cases.password_reset(body.token, body.new_password)
        return Response(status=204, headers=NO_STORE)
