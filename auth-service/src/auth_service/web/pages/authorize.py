"""The authorization endpoint (RFC 6749 section 4.1): log-in, consent, and the redirect to the client with a code."""

from collections.abc import Mapping

from flask import Response
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.errors import StaleForm
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.accounts.browser_login import NewBrowserSession
from auth_service.use_cases.oauth.authorization_endpoint import CodeIssued, ConsentNeeded, LoginNeeded, Step
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused, AuthorizationRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented
from auth_service.web.html import errors
from auth_service.web.html.parameters import Pairs, decoded, encoded, form_pairs, query_pairs
from auth_service.web.html.rendering import STYLE, STYLE_PATH, redirect_to
from auth_service.web.openapi import FORM_PAGE_RESPONSES, PAGE_TAGS
from auth_service.web.pages.login_form import FORM_EXPIRED, LoginForm, LoginPurpose
from auth_service.web.pages.pending_request import AUTHORIZATION as PATH
from auth_service.web.pages.schemas import AuthorizationForm, AuthorizationQuery


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("authorize", __name__, abp_tags=PAGE_TAGS)
    pages = AuthorizationPages(use_cases)
    errors.install(routes)

    @routes.get(PATH, operation_id="authorize", responses=FORM_PAGE_RESPONSES)
    @documented(query=AuthorizationQuery)
    def authorize() -> Response:
        """Request an authorization code (RFC 6749 section 4.1.1, with PKCE): a page or a redirect to the client."""
        return pages.open(query_pairs())

    @routes.post(PATH, operation_id="authorizeByForm", responses=FORM_PAGE_RESPONSES)
    @documented(form=AuthorizationForm)
    def authorize_by_form() -> Response:
        """Accept the log-in and consent forms; a client's request by POST is redirected to GET."""
        pairs = form_pairs()
        fields = dict(pairs)
        if "_form" not in fields:
            return redirect_to(f"{PATH}?{encoded(pairs)}")
        return pages.submit(fields)

    @routes.get(
        STYLE_PATH,
        operation_id="pageStyle",
        responses={200: {"description": "CSS", "content": {"text/css": {"schema": {"type": "string"}}}}},
    )
    def style() -> Response:
        """Return the style sheet of the pages; its address changes with its content."""
        return Response(
            STYLE, mimetype="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    return routes


class AuthorizationPages:
    """The log-in and consent pages of an authorization request, and what follows their forms."""

    def __init__(self, use_cases: UseCases) -> None:
        self._parse = use_cases.authorization_request_parser
        self._endpoint = use_cases.authorization_endpoint
        self._forms = use_cases.forms
        self._login = LoginForm(use_cases, PATH)

    def open(self, pairs: Pairs, *, notice: str | None = None) -> Response:
        """Return the first page of a request, or the redirect to the client; raise the errors of its parser."""
        request = self._parse(pairs)
        return self._show(request, self._endpoint(request, self._login.session()), notice=notice)

    def submit(self, fields: dict[str, str]) -> Response:
        """Return what follows a form of these pages."""
        pairs = decoded(fields.get("_request", ""))
        request = self._parse(pairs)
        try:
            if fields.get("_step") == "consent":
                return self._decide(request, fields)
            return self._log_in(request, fields)
        except StaleForm:
            return self.open(pairs, notice=FORM_EXPIRED)

    def _log_in(self, request: AuthorizationRequest, fields: dict[str, str]) -> Response:
        session = self._login.submit(fields, _purpose(request))
        return session if isinstance(session, Response) else self.after_login(request, session)

    def after_login(self, request: AuthorizationRequest, session: NewBrowserSession) -> Response:
        """Return what follows a log-in for this request, with the cookie of its browser session."""
        try:
            step = self._endpoint.after_login(request, session.user)
            response = self._show(request, step, login=session.cookie)
        except AuthorizationRefused as error:
            response = errors.redirect_error(error)
        return self._login.set_cookie(response, session)

    def _decide(self, request: AuthorizationRequest, fields: dict[str, str]) -> Response:
        scopes = fields.get("_scopes", "")
        self._forms.check(fields["_form"], "consent", f"{fields.get('_request', '')}\n{scopes}")
        session = self._login.session()
        if session is None:
            return self._show(request, LoginNeeded())
        if fields.get("_choice") != "allow":
            raise self._endpoint.after_denial(request)
        return self._show(request, self._endpoint.after_consent(request, session, frozenset(scopes.split())))

    def _show(
        self,
        request: AuthorizationRequest,
        step: Step,
        *,
        login: str | None = None,
        notice: str | None = None,
    ) -> Response:
        status, faults = (403, {"form": notice}) if notice else (200, {})
        match step:
            case CodeIssued(location):
                return redirect_to(location)
            case ConsentNeeded(session, scopes):
                return self._consent_page(request, session, scopes, status, faults, login)
            case LoginNeeded():
                return self._login.page(_purpose(request), None, status, faults)

    def _consent_page(  # noqa: PLR0913, PLR0917 - what the page shows
        self,
        request: AuthorizationRequest,
        session: BrowserUser,
        scopes: Mapping[str, str],
        status: int,
        faults: dict[str, str],
        login: str | None,
    ) -> Response:
        query = encoded(request.pairs)
        others = [(name, value) for name, value in request.pairs if name != "prompt"]
        return self._forms.page(
            "consent.html",
            "consent",
            f"{query}\n{' '.join(sorted(scopes))}",
            status,
            login=login,
            redirect_uri=request.address.redirect_uri,
            errors=faults,
            action=PATH,
            request=query,
            client_name=request.client.name,
            email=session.account.email,
            scopes=scopes,
            other_account=f"{PATH}?{encoded([*others, ('prompt', 'login')])}",
        )


def _purpose(request: AuthorizationRequest) -> LoginPurpose:
    return LoginPurpose(request.pairs, request.client.name, request.address.redirect_uri)
