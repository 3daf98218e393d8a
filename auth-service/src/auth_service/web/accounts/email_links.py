"""Routes for proving an address by a mailed link: verifying it, and choosing a new password."""

from typing import Any

from flask import Response, jsonify
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.accounts.errors import BadLink, InvalidPassword
from auth_service.web.accounts.magic_links import MAIL_BUSY, TAGS
from auth_service.web.accounts.schemas import Addressee, LinkPage, NewPassword, ProofToken
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import NO_STORE
from auth_service.web.html.form_fallback import answer_odd_forms, fields, or_form
from auth_service.web.html.parameters import described, query_pairs
from auth_service.web.html.rendering import PAGE_RESPONSES, error_page, page

VERIFICATION, CONFIRMATION = "/account/verification", "/account/verification/confirm"
RESET = "/password-resets/redeem"
ACCEPTED: dict[Any, Any] = {202: {"description": "Accepted: a mail is sent if the address has an account."}}
DONE: dict[Any, Any] = {
    204: {"description": "Done."},
    401: problem_response("The link is invalid, already used or expired."),
}
BUSY = problem_response("Too many passwords are being checked; Retry-After says when to try again.")
NO_LINK = "This link is not valid"


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("proofs", __name__, abp_tags=TAGS)
    answer_odd_forms(routes)
    _verification(routes, use_cases)
    _password_resets(routes, use_cases)
    return routes


def _verification(routes: ApiBlueprint, use_cases: UseCases) -> None:
    @routes.get(VERIFICATION, operation_id="verificationPage", responses=PAGE_RESPONSES)
    @described(query=LinkPage)
    def verification_page() -> Response:
        """Show the button that verifies an address. Nothing is used up: programs look into mails as well."""
        token = fields(query_pairs()).get("token", "")
        return _form_page(use_cases, "verification.html", CONFIRMATION, "verification", token)

    @routes.post(
        VERIFICATION,
        operation_id="resendVerification",
        security=[{"bearer": []}],
        responses={**ACCEPTED, 503: MAIL_BUSY},
    )
    @require(fresh=True)
    def resend() -> Response:
        """Mail the link again to whoever asks for their own address; a few times a day."""
        use_cases.email_verification.resend(current_token.subject, current_token.session_id)
        return _accepted()

    @routes.post(CONFIRMATION, operation_id="verify", responses=DONE)
    @or_form(lambda form: _verified(use_cases, form))
    @validated
    def verify(body: ProofToken) -> Response:
        """Verify an address with the mailed `token`, once. Tokens carry more from the next log-in or refresh on."""
        use_cases.email_verification(body.token)
        return Response(status=204, headers=NO_STORE)


def _password_resets(routes: ApiBlueprint, use_cases: UseCases) -> None:
    @routes.post("/password-resets", operation_id="askForReset", responses={**ACCEPTED, 503: MAIL_BUSY})
    @validated
    def ask(body: Addressee) -> Response:
        """Mail a link to choose a new password, if the address has an account; the answer is the same if not."""
        use_cases.password_reset_request(body.email)
        return _accepted()

    @routes.get(RESET, operation_id="newPasswordPage", responses=PAGE_RESPONSES)
    @described(query=LinkPage)
    def new_password_page() -> Response:
        """Show the form for a new password. Nothing is used up yet."""
        token = fields(query_pairs()).get("token", "")
        return _form_page(use_cases, "new_password.html", RESET, "reset", token)

    @routes.post(RESET, operation_id="resetPassword", responses={**DONE, 429: BUSY})
    @or_form(lambda form: _password_chosen(use_cases, form))
    @validated
    def reset(body: NewPassword) -> Response:
        """Replace the password with the mailed `token`, once; every session of the account ends."""
        use_cases.password_reset(body.token, body.new_password)
        return Response(status=204, headers=NO_STORE)


def _accepted() -> Response:
    response = jsonify(status="accepted")
    response.status_code = 202
    response.headers.update(NO_STORE)
    return response


def _form_page(  # noqa: PLR0913, PLR0917 (what a page differs in)
    use_cases: UseCases,
    template: str,
    action: str,
    purpose: str,
    token: str,
    errors: dict[str, str] | None = None,
) -> Response:
    forms, status = use_cases.forms, 422 if errors else 200
    facts = {
        "action": action,
        "token": token,
        "form_token": forms.token(purpose, token),
        "errors": errors or {},
    }
    return forms.seal(page(template, status, **facts))


def _verified(use_cases: UseCases, form: dict[str, str]) -> Response:
    token = form.get("token", "")
    use_cases.forms.check(form.get("_form"), "verification", token)
    try:
        use_cases.email_verification(token)
    except BadLink as error:
        return error_page(str(error), title=NO_LINK)
    return page("result.html", title="Email address confirmed", message="You can close this page.")


def _password_chosen(use_cases: UseCases, form: dict[str, str]) -> Response:
    token = form.get("token", "")
    use_cases.forms.check(form.get("_form"), "reset", token)
    try:
        use_cases.password_reset(token, form.get("new_password", ""))
    except InvalidPassword as error:
        said = str(error)
        faults = {"new_password": f"{said[:1].upper()}{said[1:]}."}
        return _form_page(use_cases, "new_password.html", RESET, "reset", token, faults)
    except BadLink as error:
        return error_page(str(error), title=NO_LINK)
    return page("result.html", title="Password changed", message="You can now log in with your new password.")
