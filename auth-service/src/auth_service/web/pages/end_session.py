"""The end-session endpoint: log-out that a client asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Any

from flask import Response
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequest
from auth_service.web.dependencies import UseCases
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


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("end_session", __name__, abp_tags=TAGS)
    answer_on_pages(routes)

    @routes.get(PATH, operation_id="logOutAtBrowser", responses=RESPONSES)
    @described(query=LogOutQuery)
    def end_session() -> Response:
        """Log out of the browser and of what was opened through it, after a question where no ID token vouches."""
        pairs = query_pairs()
        asked, who = use_cases.logout_request_parser(pairs), _who(use_cases)
        if who is not None and asked.needs_confirmation(who):
            return _question(use_cases, asked, who, written(pairs))
        return _logged_out(use_cases, asked, who)

    @routes.post(PATH, operation_id="logOutAtBrowserByForm", responses=RESPONSES)
    @described(form=LogOutForm)
    def end_session_by_form() -> Response:
        """Take the answer to the question; a client's request by POST is sent on to GET."""
        pairs = form_pairs()
        fields = dict(pairs)
        if "_form" not in fields:
            return sent_to(f"{PATH}?{written(pairs)}")
        sent = fields.get("_request", "")
        use_cases.forms.check(fields["_form"], "logout", sent)
        return _logged_out(use_cases, use_cases.logout_request_parser(written_in_form(sent)), _who(use_cases))

    return routes


def _who(use_cases: UseCases) -> BrowserUser | None:
    return use_cases.authenticate_browser(use_cases.forms.cookies.login)


def _question(use_cases: UseCases, asked: LogoutRequest, who: BrowserUser, sent: str) -> Response:
    response = page(
        "logout.html",
        action=PATH,
        request=sent,
        form_token=use_cases.forms.token("logout", sent),
        client_name=asked.client.name if asked.client else None,
        email=who.account.email,
    )
    return use_cases.forms.seal(response)


def _logged_out_page() -> Response:
    return page("result.html", title="Logged out", message="You are logged out. You can close this page.")


def _logged_out(use_cases: UseCases, asked: LogoutRequest, who: BrowserUser | None) -> Response:
    use_cases.rp_initiated_logout(asked, who)
    response = back_to(asked.redirect_uri) if asked.redirect_uri else _logged_out_page()
    use_cases.forms.cookies.drop(response, use_cases.forms.cookies.login_name)
    return response
