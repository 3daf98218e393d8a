"""Routes for the verification of an account's address by a mailed link."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.accounts.errors import BadLink
from auth_service.web.accounts.schemas import LinkQuery, LinkRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form
from auth_service.web.html.rendering import error_page, result_page
from auth_service.web.openapi import BEARER, LINK_REDEEMED, MAIL_ACCEPTED, MAIL_TAGS, PAGE_RESPONSES
from auth_service.web.pages.link_form import INVALID_LINK, LinkForm
from auth_service.web.pages.pending_request import location_of
from auth_service.web.responses import NO_STORE, accepted

PATH, CONFIRMATION = "/account/verification", "/account/verification/confirm"


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("email_verification", __name__, abp_tags=MAIL_TAGS)
    link_form = LinkForm(use_cases.forms, "verification.html", CONFIRMATION, "verification")
    errors.install(routes, json=True)

    @routes.get(PATH, operation_id="verificationPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def verification_page() -> Response:
        """Show the page that verifies an address. Opening it does not use up the link."""
        return link_form.open()

    @routes.post(PATH, operation_id="resendVerification", security=BEARER, responses=MAIL_ACCEPTED)
    @require(fresh=True)
    def resend() -> Response:
        """Mail the verification link again; limited to a few times a day."""
        use_cases.email_verification.resend(current_token.subject, current_token.session_id)
        return accepted(status="accepted")

    def submit(form: dict[str, str]) -> Response:
        token, pairs = link_form.submitted(form)
        try:
            use_cases.email_verification(token)
        except BadLink as error:
            return error_page(str(error), title=INVALID_LINK)
        return result_page("Email address confirmed", "You can now log in.", login=location_of(pairs))

    @routes.post(CONFIRMATION, operation_id="verify", responses=LINK_REDEEMED)
    @or_form(submit)
    @validated
    def verify(body: LinkRequest) -> Response:
        """Verify an address with the mailed `token`, once. New tokens then have all scopes of the account."""
        use_cases.email_verification(body.token)
        return Response(status=204, headers=NO_STORE)

    return routes
