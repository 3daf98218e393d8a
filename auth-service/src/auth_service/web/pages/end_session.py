"""The end-session endpoint: log-out that a client requests (OpenID Connect RP-Initiated Logout 1.0)."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import decoded, encoded, form_pairs, query_pairs
from auth_service.web.html.rendering import redirect_to, result_page
from auth_service.web.openapi import HTML_RESPONSE, PAGE_RESPONSES, PAGE_TAGS
from auth_service.web.pages.login_form import LoginForm
from auth_service.web.pages.schemas import LogoutForm, LogoutQuery

PATH = "/oauth/logout"
RESPONSES = PAGE_RESPONSES | {403: HTML_RESPONSE}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("end_session", __name__, abp_tags=PAGE_TAGS)
    forms, login = use_cases.forms, LoginForm(use_cases, PATH)
    errors.install(routes)

    @routes.get(PATH, operation_id="logOutAtBrowser", responses=RESPONSES)
    @documented(query=LogoutQuery)
    def end_session() -> Response:
        """End the browser session and the sessions that it opened; without a valid ID token, ask the user first."""
        pairs = query_pairs()
        request, session = use_cases.logout_request_parser(pairs), login.session()
        if session is None or not request.needs_confirmation(session):
            return end(request, session)
        query = encoded(pairs)
        return forms.page(
            "logout.html",
            "logout",
            query,
            redirect_uri=request.redirect_uri,
            action=PATH,
            request=query,
            client_name=request.client.name if request.client else None,
            email=session.account.email,
        )

    @routes.post(PATH, operation_id="logOutAtBrowserByForm", responses=RESPONSES)
    @documented(form=LogoutForm)
    def end_session_by_form() -> Response:
        """Accept the user's confirmation; a client's request by POST is redirected to GET."""
        pairs = form_pairs()
        fields = dict(pairs)
        if "_form" not in fields:
            return redirect_to(f"{PATH}?{encoded(pairs)}")
        query = fields.get("_request", "")
        forms.check(fields["_form"], "logout", query)
        return end(use_cases.logout_request_parser(decoded(query)), login.session())

    def end(request: LogoutRequest, session: BrowserUser | None) -> Response:
        use_cases.rp_initiated_logout(request, session)
        if request.redirect_uri:
            response = redirect_to(request.redirect_uri)
        else:
            response = result_page("Logged out", "You are logged out. You can close this page.")
        forms.cookies.delete(response, forms.cookies.login_name)
        return response

    return routes
