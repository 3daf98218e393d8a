"""Routes for password resets by a mailed link."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated

from auth_service.domain.accounts.errors import BadLink, InvalidPassword, TooBusy
from auth_service.web.accounts.schemas import EmailBody, LinkQuery, NewPassword
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import PROBLEMS
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form, query_pairs
from auth_service.web.html.rendering import error_page, result_page, sentence
from auth_service.web.openapi import (
    HTML_RESPONSE,
    LINK_REDEEMED,
    MAIL_ACCEPTED,
    MAIL_TAGS,
    PAGE_RESPONSES,
    Responses,
)
from auth_service.web.pages.email_form import EmailForm
from auth_service.web.pages.link_form import INVALID_LINK, LinkForm
from auth_service.web.pages.pending_request import keep, location_of
from auth_service.web.pages.schemas import PendingRequestQuery
from auth_service.web.responses import NO_STORE, accepted

REQUEST, REDEEM = "/password-resets", "/password-resets/redeem"
TOO_MANY_PASSWORDS: Responses = {
    429: problem_response(
        "Too many passwords are being checked; Retry-After says when to try again.", PROBLEMS[TooBusy]
    )
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("password_resets", __name__, abp_tags=MAIL_TAGS)
    errors.install(routes, json=True)
    _request(routes, use_cases)
    _redemption(routes, use_cases)
    return routes


def _request(routes: ApiBlueprint, use_cases: UseCases) -> None:
    email_form = EmailForm(
        use_cases.forms,
        REQUEST,
        "Forgot your password?",
        "We mail you a link to choose a new one.",
        "Send the mail",
    )

    @routes.get(REQUEST, operation_id="resetRequestPage", responses=PAGE_RESPONSES)
    @documented(query=PendingRequestQuery)
    def reset_request_page() -> Response:
        """Show the page that asks for the address of the account."""
        return email_form.page(query_pairs())

    def submit(form: dict[str, str]) -> Response:
        submitted = email_form.submitted(form)
        if isinstance(submitted, Response):
            return submitted
        email, pairs = submitted
        use_cases.password_reset_request(email)
        response = result_page(
            "Check your mail",
            f"If {email} has an account, we have mailed it a link to choose a new password. "
            "The link expires in 30 minutes.",
            back=location_of(pairs),
            demo=use_cases.demo_login is not None,
        )
        keep(use_cases.forms.cookies, response, pairs)
        return response

    @routes.post(REQUEST, operation_id="askForReset", responses={200: HTML_RESPONSE, **MAIL_ACCEPTED})
    @or_form(submit)
    @validated
    def request_reset(body: EmailBody) -> Response:
        """Mail a link to choose a new password, if the address has an account; the response is the same if not."""
        use_cases.password_reset_request(body.email)
        return accepted(status="accepted")


def _redemption(routes: ApiBlueprint, use_cases: UseCases) -> None:
    link_form = LinkForm(use_cases.forms, "new_password.html", REDEEM, "reset")

    @routes.get(REDEEM, operation_id="newPasswordPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def new_password_page() -> Response:
        """Show the form for a new password. Opening it does not use up the link."""
        return link_form.open()

    def submit(form: dict[str, str]) -> Response:
        token, pairs = link_form.submitted(form)
        try:
            use_cases.password_reset(token, form.get("new_password", ""))
        except InvalidPassword as error:
            return link_form.page(token, pairs, 422, {"new_password": sentence(str(error))})
        except BadLink as error:
            return error_page(str(error), title=INVALID_LINK)
        return result_page(
            "Password changed", "You can now log in with your new password.", login=location_of(pairs)
        )

    @routes.post(REDEEM, operation_id="resetPassword", responses=LINK_REDEEMED | TOO_MANY_PASSWORDS)
    @or_form(submit)
    @validated
    def reset(body: NewPassword) -> Response:
        """Replace the password with the mailed `token`, once; this ends every session of the account."""
        use_cases.password_reset(body.token, body.new_password)
        return Response(status=204, headers=NO_STORE)
