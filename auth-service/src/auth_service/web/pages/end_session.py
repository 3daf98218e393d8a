"""The end-session endpoint: log-out that a client asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Any

from flask import Response
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.sessions.browser_session import SignedIn
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequest
from auth_service.web.dependencies import Front, Mint
from auth_service.web.html.errors import answer_on_pages
from auth_service.web.html.parameters import described, form_pairs, query_pairs, written, written_in_form
from auth_service.web.html.rendering import HTML_RESPONSE, REDIRECT_RESPONSE, back_to, page, sent_to
from auth_service.web.pages.schemas import LogOutForm, LogOutQuery

TAGS = [Tag(name="pages", description="HTML pages for users.")]
PATH = "/oauth/logout"
RESPONSES: dict[Any, Any] = {
    200: HTML_RESPONSE,
    303: REDIRECT_RESPONSE,
    400: HTML_RESPONSE,
    403: HTML_RESPONSE,
}


def blueprint(mint: Mint) -> ApiBlueprint:
    """Give the routes over this mint."""
    routes = ApiBlueprint("end_session", __name__, abp_tags=TAGS)
    front = mint.front
    answer_on_pages(routes)

    @routes.get(PATH, operation_id="logOutAtBrowser", responses=RESPONSES)
    @described(query=LogOutQuery)
    def end_session() -> Response:
        """Log out of the browser and of what was opened through it, after a question where no ID token vouches."""
        pairs = query_pairs()
        asked, who = front.read_log_out(pairs), _who(front)
        if who is not None and asked.needs_a_yes(who):
            return _question(front, asked, who, written(pairs))
        return _logged_out(front, asked, who)

    @routes.post(PATH, operation_id="logOutAtBrowserByForm", responses=RESPONSES)
    @described(form=LogOutForm)
    def end_session_by_form() -> Response:
        """Take the answer to the question; a client's request by POST is sent on to GET."""
        pairs = form_pairs()
        fields = dict(pairs)
        if "_form" not in fields:
            return sent_to(f"{PATH}?{written(pairs)}")
        sent = fields.get("_request", "")
        front.forms.check(fields["_form"], "logout", sent)
        return _logged_out(front, front.read_log_out(written_in_form(sent)), _who(front))

    return routes


def _who(front: Front) -> SignedIn | None:
    return front.who_is_there(front.forms.cookies.login)


def _question(front: Front, asked: LogoutRequest, who: SignedIn, sent: str) -> Response:
    response = page(
        "logout.html",
        action=PATH,
        request=sent,
        form_token=front.forms.token("logout", sent),
        client_name=asked.client.name if asked.client else None,
        email=who.account.email,
    )
    return front.forms.seal(response)


def _logged_out_page() -> Response:
    return page("result.html", title="Logged out", message="You are logged out. You can close this page.")


def _logged_out(front: Front, asked: LogoutRequest, who: SignedIn | None) -> Response:
    front.end_session(asked, who)
    response = back_to(asked.then) if asked.then else _logged_out_page()
    front.forms.cookies.drop(response, front.forms.cookies.login_name)
    return response
