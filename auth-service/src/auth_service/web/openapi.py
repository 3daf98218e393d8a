"""Parts of the OpenAPI document that several routes share: tags, security requirements and responses."""

from typing import Any

from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import problem_response

from auth_service.domain.accounts.errors import MailBusy, SlowedDown
from auth_service.domain.errors import NoSigningKey
from auth_service.web.errors import PROBLEMS
from auth_service.web.schemas import OAuthErrorResponse, TokenResponseBody

Responses = dict[Any, Any]
OAUTH_TAGS = [Tag(name="oauth", description="OAuth 2 and OpenID Connect endpoints.")]
DISCOVERY_TAGS = [Tag(name="discovery", description="Public documents of the issuer.")]
PAGE_TAGS = [Tag(name="pages", description="HTML pages for users.")]
MAIL_TAGS = [Tag(name="mail", description="Log-in links, email verification and password resets.")]
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]

NO_CONTENT: Responses = {204: {"description": "Done."}}
FRESH: Responses = {503: problem_response("The token's status cannot be confirmed at the moment.")}
OAUTH_ERRORS: Responses = {400: OAuthErrorResponse, 401: OAuthErrorResponse}
TOKEN_RESPONSES: Responses = {
    200: TokenResponseBody,
    **OAUTH_ERRORS,
    503: problem_response("No token can be issued at the moment.", PROBLEMS[NoSigningKey]),
}
TOO_MANY_LOGINS: Responses = {
    429: problem_response("Too many log-ins; Retry-After says when to try again.", PROBLEMS[SlowedDown])
}
MAIL_QUEUE_FULL: Responses = {
    503: problem_response(
        "No mail can be sent at the moment; Retry-After says when to try again.", PROBLEMS[MailBusy]
    )
}

MAIL_ACCEPTED: Responses = {
    202: {"description": "Accepted: a mail is sent if the address has an account."},
    **MAIL_QUEUE_FULL,
}
LINK_REDEEMED: Responses = NO_CONTENT | {
    401: problem_response("The link is invalid, already used or expired.")
}

HTML_RESPONSE = {"description": "An HTML page.", "content": {"text/html": {"schema": {"type": "string"}}}}
REDIRECT_RESPONSE = {"description": "A redirect."}
# A page that is opened under another address than the issuer's redirects to the issuer.
PAGE_RESPONSES: Responses = {200: HTML_RESPONSE, 303: REDIRECT_RESPONSE, 400: HTML_RESPONSE}
FORM_PAGE_RESPONSES: Responses = PAGE_RESPONSES | dict.fromkeys((403, 422, 429, 503), HTML_RESPONSE)


def problem_or_oauth_error(description: str) -> dict[str, Any]:
    """Return the description of a response that is a problem document or an OAuth error."""
    response = problem_response(description)
    response["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/OAuthErrorResponse"}}
    return response
