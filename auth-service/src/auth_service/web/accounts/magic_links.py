"""Routes for log-in by a mailed link or code."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint
from service_kit.web.request_validation import validated

from auth_service.domain.oauth.scopes import parse_scope
from auth_service.use_cases.accounts.login import RequestedAccess
from auth_service.use_cases.accounts.magic_link import LINK_SECONDS, LinkCode, LinkToken
from auth_service.web.accounts.schemas import EmailBody, LinkQuery, MagicLinkRequested, MagicLinkToken
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import or_form
from auth_service.web.openapi import (
    HTML_RESPONSE,
    MAIL_QUEUE_FULL,
    MAIL_TAGS,
    PAGE_RESPONSES,
    REDIRECT_RESPONSE,
    TOKEN_RESPONSES,
    Responses,
    problem_or_oauth_error,
)
from auth_service.web.pages.magic_link import REDEEM, REQUEST, MagicLinkPages
from auth_service.web.pages.pending_request import keep
from auth_service.web.pages.schemas import PendingRequestQuery
from auth_service.web.responses import accepted, token_response

REQUEST_RESPONSES: Responses = {202: MagicLinkRequested, 200: HTML_RESPONSE, **MAIL_QUEUE_FULL}
REDEEM_RESPONSES: Responses = {
    **TOKEN_RESPONSES,
    303: REDIRECT_RESPONSE,
    400: problem_or_oauth_error("The binding is missing, or none of the requested scopes can be granted."),
    401: problem_or_oauth_error("The link or code is invalid, already used or expired."),
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("magic_links", __name__, abp_tags=MAIL_TAGS)
    cookies, pages = use_cases.forms.cookies, MagicLinkPages(use_cases)
    errors.install(routes, json=True)

    @routes.get(REQUEST, operation_id="linkRequestPage", responses=PAGE_RESPONSES)
    @documented(query=PendingRequestQuery)
    def link_request_page() -> Response:
        """Show the page that asks for the address to mail a link and a code to."""
        return pages.open()

    @routes.post(REQUEST, operation_id="askForLink", responses=REQUEST_RESPONSES)
    @or_form(pages.request)
    @validated
    def request_link(body: EmailBody) -> Response:
        """Mail a log-in link and code, if the address has an account; the response is the same if it has none."""
        binding = use_cases.magic_link_request(body.email)
        response = accepted(binding=binding, expires_in=int(LINK_SECONDS))
        cookies.set(response, cookies.link_name, binding, int(LINK_SECONDS))
        if cookies.request:
            keep(cookies, response, ())
        return response

    @routes.get(REDEEM, operation_id="linkPage", responses=PAGE_RESPONSES)
    @documented(query=LinkQuery)
    def link_page() -> Response:
        """Show the page that redeems a link. Opening it does not use up the link."""
        return pages.open_link()

    @routes.post(REDEEM, operation_id="redeemLink", responses=REDEEM_RESPONSES)
    @or_form(pages.redeem)
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
