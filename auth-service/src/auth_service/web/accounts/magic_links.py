"""Routes for logging in by mail: asking for a link and a code, and redeeming either."""

from typing import Any

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated

from auth_service.domain.accounts.errors import BadLink, BindingMissing
from auth_service.domain.oauth.scopes import parse_scope
from auth_service.use_cases.accounts.login import RequestedAccess
from auth_service.use_cases.accounts.magic_link import LIFE, LinkCode, LinkToken
from auth_service.web.accounts.link_cookie import bind_browser, binding_of_browser, unbind_browser
from auth_service.web.accounts.schemas import Addressee, LinkAsked, LinkPage, RedeemBody
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import NO_STORE, TOKEN_RESPONSES, problem_or_oauth, token_answer
from auth_service.web.html.form_fallback import answer_odd_forms, fields, or_form
from auth_service.web.html.parameters import described, query_pairs
from auth_service.web.html.rendering import PAGE_RESPONSES, REDIRECT_RESPONSE, error_page, page, sent_to

TAGS = [Tag(name="mail", description="Log-in links, email verification and password resets.")]
PATH = "/magic-links/redeem"
MAIL_BUSY = problem_response("No mail can be sent at the moment; Retry-After says when to try again.")
REDEEM_RESPONSES: dict[Any, Any] = {
    **TOKEN_RESPONSES,
    303: REDIRECT_RESPONSE,
    400: problem_or_oauth("The binding is missing, or none of the requested scopes can be granted."),
    401: problem_or_oauth("The link or code is invalid, already used or expired."),
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("magic", __name__, abp_tags=TAGS)
    answer_odd_forms(routes)

    @routes.post("/magic-links", operation_id="askForLink", responses={202: LinkAsked, 503: MAIL_BUSY})
    @validated
    def ask(body: Addressee) -> Response:
        """Mail a link and a code that log in, if the address has an account; the answer is the same if it has none."""
        return _asked(use_cases, use_cases.magic_link_request(body.email))

    @routes.get(PATH, operation_id="linkPage", responses=PAGE_RESPONSES)
    @described(query=LinkPage)
    def link_page() -> Response:
        """Show the button that redeems a link. Nothing is used up: programs that look into mails open links too."""
        token = fields(query_pairs()).get("token", "")
        forms = use_cases.forms
        return forms.seal(
            page("magic_link.html", action=PATH, token=token, form_token=forms.token("magic", token))
        )

    @routes.post(PATH, operation_id="redeemLink", responses=REDEEM_RESPONSES)
    @or_form(lambda form: _in_browser(use_cases, form))
    @validated
    def redeem(body: RedeemBody) -> Response:
        """Log in with the mailed `token`, or with `email` and `code`, once, and only where it was asked for."""
        binding = body.binding or binding_of_browser(use_cases.issuer)
        wanted = RequestedAccess(body.client_id, parse_scope(body.scope), body.audiences())
        shown = (
            LinkToken(body.token, binding)
            if body.token
            else LinkCode(body.email or "", body.code or "", binding)
        )
        response = token_answer(use_cases.magic_link_login(shown, wanted))
        unbind_browser(response, use_cases.issuer)
        return response

    return routes


def _asked(use_cases: UseCases, binding: str) -> Response:
    response = jsonify(binding=binding, expires_in=int(LIFE))
    response.status_code = 202
    response.headers.update(NO_STORE)
    bind_browser(response, use_cases.issuer, binding)
    return response


def _in_browser(use_cases: UseCases, form: dict[str, str]) -> Response:
    """Log this browser in at auth-service's own pages, then redirect to the console."""
    token, forms = form.get("token", ""), use_cases.forms
    forms.check(form.get("_form"), "magic", token)
    shown = LinkToken(token, binding_of_browser(use_cases.issuer))
    try:
        entered = use_cases.magic_link_login.in_browser(shown, forms.cookies.login)
    except (BadLink, BindingMissing) as error:
        return error_page(str(error), title="This link is not valid here")
    response = sent_to(f"{use_cases.issuer}/")
    forms.cookies.set(response, forms.cookies.login_name, entered.cookie)
    unbind_browser(response, use_cases.issuer)
    return response
