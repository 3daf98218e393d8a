"""Routes for proving an address by a mailed link: verifying it, and choosing a new password."""

from typing import Any

from flask import Response, jsonify
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.accounts.errors import BadLink, InvalidPassword
from auth_service.web.accounts.magic_links import MAIL_BUSY, TAGS
from auth_service.web.accounts.schemas import Addressee, LinkPage, NewPassword, ProofToken
from auth_service.web.dependencies import Mint
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


def blueprint(mint: Mint) -> ApiBlueprint:
    """Give the routes over this mint."""
    routes = ApiBlueprint("proofs", __name__, abp_tags=TAGS)
    answer_odd_forms(routes)
    _verification(routes, mint)
    _password_resets(routes, mint)
    return routes


def _verification(routes: ApiBlueprint, mint: Mint) -> None:
    @routes.get(VERIFICATION, operation_id="verificationPage", responses=PAGE_RESPONSES)
    @described(query=LinkPage)
    def verification_page() -> Response:
        """Show the button that verifies an address. Nothing is used up: programs look into mails as well."""
        token = fields(query_pairs()).get("token", "")
        return _form_page(mint, "verification.html", CONFIRMATION, "verification", token)

    @routes.post(
        VERIFICATION,
        operation_id="resendVerification",
        security=[{"bearer": []}],
        responses={**ACCEPTED, 503: MAIL_BUSY},
    )
    @require(fresh=True)
    def resend() -> Response:
        """Mail the link again to whoever asks for their own address; a few times a day."""
        mint.by_mail.verify.resend(current_token.subject, current_token.session_id)
        return _accepted()

    @routes.post(CONFIRMATION, operation_id="verify", responses=DONE)
    @or_form(lambda form: _verified(mint, form))
    @validated
    def verify(body: ProofToken) -> Response:
        """Verify an address with the mailed `token`, once. Tokens carry more from the next log-in or refresh on."""
        mint.by_mail.verify(body.token)
        return Response(status=204, headers=NO_STORE)


def _password_resets(routes: ApiBlueprint, mint: Mint) -> None:
    @routes.post("/password-resets", operation_id="askForReset", responses={**ACCEPTED, 503: MAIL_BUSY})
    @validated
    def ask(body: Addressee) -> Response:
        """Mail a link to choose a new password, if the address has an account; the answer is the same if not."""
        mint.by_mail.ask_for_reset(body.email)
        return _accepted()

    @routes.get(RESET, operation_id="newPasswordPage", responses=PAGE_RESPONSES)
    @described(query=LinkPage)
    def new_password_page() -> Response:
        """Show the form for a new password. Nothing is used up yet."""
        token = fields(query_pairs()).get("token", "")
        return _form_page(mint, "new_password.html", RESET, "reset", token)

    @routes.post(RESET, operation_id="resetPassword", responses={**DONE, 429: BUSY})
    @or_form(lambda form: _password_chosen(mint, form))
    @validated
    def reset(body: NewPassword) -> Response:
        """Replace the password with the mailed `token`, once; every session of the account ends."""
        mint.by_mail.reset_password(body.token, body.new_password)
        return Response(status=204, headers=NO_STORE)


def _accepted() -> Response:
    response = jsonify(status="accepted")
    response.status_code = 202
    response.headers.update(NO_STORE)
    return response


def _form_page(  # noqa: PLR0913, PLR0917 (what a page differs in)
    mint: Mint,
    template: str,
    action: str,
    purpose: str,
    token: str,
    errors: dict[str, str] | None = None,
) -> Response:
    forms, status = mint.front.forms, 422 if errors else 200
    facts = {
        "action": action,
        "token": token,
        "form_token": forms.token(purpose, token),
        "errors": errors or {},
    }
    return forms.seal(page(template, status, **facts))


def _verified(mint: Mint, form: dict[str, str]) -> Response:
    token = form.get("token", "")
    mint.front.forms.check(form.get("_form"), "verification", token)
    try:
        mint.by_mail.verify(token)
    except BadLink as error:
        return error_page(str(error), title=NO_LINK)
    return page("result.html", title="Email address confirmed", message="You can close this page.")


def _password_chosen(mint: Mint, form: dict[str, str]) -> Response:
    token = form.get("token", "")
    mint.front.forms.check(form.get("_form"), "reset", token)
    try:
        mint.by_mail.reset_password(token, form.get("new_password", ""))
    except InvalidPassword as error:
        said = str(error)
        faults = {"new_password": f"{said[:1].upper()}{said[1:]}."}
        return _form_page(mint, "new_password.html", RESET, "reset", token, faults)
    except BadLink as error:
        return error_page(str(error), title=NO_LINK)
    return page("result.html", title="Password changed", message="You can now log in with your new password.")
