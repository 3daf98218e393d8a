"""Routes for log-in by a mailed link or code."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint
from service_kit.web.request_validation import validated

from auth_service.domain.accounts.errors import BadLink, BindingMissing
from auth_service.domain.oauth.scopes import parse_scope
from auth_service.use_cases.accounts.login import RequestedAccess
from auth_service.use_cases.accounts.magic_link import LINK_SECONDS, LinkCode, LinkToken
from auth_service.web.accounts.link_form import LinkForm
from auth_service.web.accounts.schemas import EmailBody, LinkQuery, MagicLinkRequested, MagicLinkToken
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form
from auth_service.web.html.rendering import error_page, redirect_to
from auth_service.web.openapi import (
    MAIL_QUEUE_FULL,
    MAIL_TAGS,
    PAGE_RESPONSES,
    REDIRECT_RESPONSE,
    TOKEN_RESPONSES,
    Responses,
    problem_or_oauth_error,
)
from auth_service.web.responses import accepted, token_response

PATH = "/magic-links/redeem"
REDEEM_RESPONSES: Responses = {
    **TOKEN_RESPONSES,
    303: REDIRECT_RESPONSE,
    400: problem_or_oauth_error("The binding is missing, or none of the requested scopes can be granted."),
    401: problem_or_oauth_error("The link or code is invalid, already used or expired."),
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("magic_links", __name__, abp_tags=MAIL_TAGS)
    cookies = use_cases.forms.cookies
    link_form = LinkForm(use_cases.forms, "magic_link.html", PATH, "magic")
    errors.install(routes, json=True)

    @routes.post(
        "/magic-links", operation_id="askForLink", responses={202: MagicLinkRequested, **MAIL_QUEUE_FULL}
    )
    @validated
    def request_link(body: EmailBody) -> Response:
        """Mail a log-in link and code, if the address has an account; the response is the same if it has none."""
        binding = use_cases.magic_link_request(body.email)
        response = accepted(binding=binding, expires_in=int(LINK_SECONDS))
        cookies.set(response, cookies.link_name, binding, int(LINK_SECONDS))
        return response

    @routes.get(PATH, operation_id="linkPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def link_page() -> Response:
        """Show the page that redeems a link. Opening it does not use up the link."""
        return link_form.open()

    def submit(form: dict[str, str]) -> Response:
        """Begin a browser session and redirect to the console."""
        link = LinkToken(link_form.token(form), cookies.link)
        try:
            session = use_cases.magic_link_login.in_browser(link, cookies.login)
        except (BadLink, BindingMissing) as error:
            return error_page(str(error), title="This link cannot be used in this browser")
        response = redirect_to(f"{use_cases.issuer}/")
        cookies.set(response, cookies.login_name, session.cookie)
        cookies.delete(response, cookies.link_name)
        return response

    @routes.post(PATH, operation_id="redeemLink", responses=REDEEM_RESPONSES)
    @or_form(submit)
    @validated
    def redeem(body: MagicLinkToken) -> Response:
        """Log in with the mailed `token`, or with `email` and `code`: once, and only with the binding."""
        binding = body.binding or cookies.link
        access = RequestedAccess(body.client_id, parse_scope(body.scope), body.audiences())
        link = (
            LinkToken(body.token, binding)
            if body.token
            else LinkCode(body.email or "", body.code or "", binding)
        )
        response = token_response(use_cases.magic_link_login(link, access))
        cookies.delete(response, cookies.link_name)
        return response

    return routes
