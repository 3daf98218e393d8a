"""The authorization endpoint, for people at a browser: log-in, consent, and back to the client with a code."""

from typing import Any

from flask import Response
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint
from touchstone.text import is_line

from auth_service.domain.accounts.errors import BadCredentials
from auth_service.domain.errors import StaleForm
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.oauth.authorization_endpoint import CodeIssued, ConsentNeeded, LoginNeeded, Step
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused, AuthorizationRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.html.errors import answer_on_pages
from auth_service.web.html.parameters import (
    Pairs,
    described,
    form_pairs,
    query_pairs,
    written,
    written_in_form,
)
from auth_service.web.html.rendering import (
    HTML_RESPONSE,
    REDIRECT_RESPONSE,
    STYLE,
    STYLE_PATH,
    back_to,
    page,
    sent_to,
)
from auth_service.web.pages.schemas import AuthorizationForm, AuthorizationQuery

TAGS = [Tag(name="pages", description="HTML pages for users.")]
PATH = "/oauth/authorize"
RESPONSES: dict[Any, Any] = {
    200: HTML_RESPONSE,
    303: REDIRECT_RESPONSE,
    400: HTML_RESPONSE,
    403: HTML_RESPONSE,
    422: HTML_RESPONSE,
    429: HTML_RESPONSE,
    503: HTML_RESPONSE,
}
STALE = "The form has expired, or cookies are disabled. Please try again."
WRONG = "The email address or the password is wrong."
LONGEST_HINT = 320


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("authorize", __name__, abp_tags=TAGS)
    pages = _Pages(use_cases)
    _answer_errors(routes)

    @routes.get(PATH, operation_id="authorize", responses=RESPONSES)
    @described(query=AuthorizationQuery)
    def authorize() -> Response:
        """Ask for an authorization code (RFC 6749 section 4.1.1, with PKCE): a page, or back to the client."""
        return pages.first(query_pairs())

    @routes.post(PATH, operation_id="authorizeByForm", responses=RESPONSES)
    @described(form=AuthorizationForm)
    def authorize_by_form() -> Response:
        """Take the log-in and consent forms; a client's request by POST is sent on to GET."""
        pairs = form_pairs()
        fields = dict(pairs)
        if "_form" not in fields:
            return sent_to(f"{PATH}?{written(pairs)}")
        return pages.next(fields)

    @routes.get(
        STYLE_PATH,
        operation_id="pageStyle",
        responses={200: {"description": "CSS", "content": {"text/css": {"schema": {"type": "string"}}}}},
    )
    def style() -> Response:
        """Give the pages their style; its address changes with its content."""
        return Response(
            STYLE, mimetype="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    return routes


class _Pages:
    """What the authorization endpoint shows, and what it does with what comes back."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases
        self._guard = use_cases.forms

    def first(self, pairs: Pairs, *, notice: str | None = None) -> Response:
        asked = self._use_cases.authorization_request_parser(pairs)
        step = self._use_cases.authorization_endpoint(asked, self._who())
        return self._show(asked, step, notice=notice)

    def next(self, fields: dict[str, str]) -> Response:
        sent = fields.get("_request", "")
        pairs = written_in_form(sent)
        asked = self._use_cases.authorization_request_parser(pairs)
        try:
            if fields.get("_step") == "consent":
                return self._consented(asked, sent, fields)
            self._guard.check(fields["_form"], "login", sent)
        except StaleForm:
            return self.first(pairs, notice=STALE)
        return self._logged_in(asked, fields.get("email", ""), fields.get("password", ""))

    def _logged_in(self, asked: AuthorizationRequest, email: str, password: str) -> Response:
        missing = missing_credentials(email, password)
        if missing:
            return self._log_in_page(asked, 422, missing, email)
        try:
            entered = self._use_cases.begin_browser_session(email, password, self._guard.cookies.login)
        except BadCredentials:
            return self._log_in_page(asked, 403, {"password": WRONG}, email)
        try:
            step = self._use_cases.authorization_endpoint.after_login(asked, entered.signed_in)
            response = self._show(asked, step, login=entered.cookie)
        except AuthorizationRefused as refused:
            response = back_to(refused.address.error_uri(refused.error))
        self._guard.cookies.set(response, self._guard.cookies.login_name, entered.cookie)
        return response

    def _consented(self, asked: AuthorizationRequest, sent: str, fields: dict[str, str]) -> Response:
        shown = fields.get("_scopes", "")
        self._guard.check(fields["_form"], "consent", f"{sent}\n{shown}")
        who = self._who()
        if who is None:
            return self._show(asked, LoginNeeded())
        if fields.get("_choice") != "allow":
            raise self._use_cases.authorization_endpoint.after_denial(asked)
        return self._show(
            asked, self._use_cases.authorization_endpoint.after_consent(asked, who, frozenset(shown.split()))
        )

    def _who(self) -> BrowserUser | None:
        return self._use_cases.authenticate_browser(self._guard.cookies.login)

    def _show(
        self, asked: AuthorizationRequest, step: Step, *, login: str | None = None, notice: str | None = None
    ) -> Response:
        errors = {"form": notice} if notice else {}
        match step:
            case CodeIssued(location):
                return back_to(location)
            case ConsentNeeded():
                return self._consent_page(asked, step, errors, login)
            case LoginNeeded():
                hint = asked.login_hint or ""
                email = hint if len(hint) <= LONGEST_HINT and is_line(hint) else ""
                return self._log_in_page(asked, 403 if errors else 200, errors, email)

    def _log_in_page(
        self, asked: AuthorizationRequest, status: int, errors: dict[str, str], email: str
    ) -> Response:
        sent = written(asked.pairs)
        response = page(
            "login.html",
            status,
            errors=errors,
            action=PATH,
            request=sent,
            form_token=self._guard.token("login", sent),
            client_name=asked.client.name,
            email=email,
        )
        return self._guard.seal(response)

    def _consent_page(
        self, asked: AuthorizationRequest, step: ConsentNeeded, errors: dict[str, str], login: str | None
    ) -> Response:
        sent, shown = written(asked.pairs), sorted(step.scopes)
        others = [(name, value) for name, value in asked.pairs if name != "prompt"]
        response = page(
            "consent.html",
            403 if errors else 200,
            errors=errors,
            action=PATH,
            request=sent,
            form_token=self._guard.token("consent", f"{sent}\n{' '.join(shown)}", login=login),
            client_name=asked.client.name,
            email=step.signed_in.account.email,
            scopes=shown,
            other_account=f"{PATH}?{written([*others, ('prompt', 'login')])}",
        )
        return self._guard.seal(response)


def missing_credentials(email: str, password: str) -> dict[str, str]:
    """Say, by field, what a log-in form was sent without."""
    missing = {}
    if not email.strip():
        missing["email"] = "Enter your email address."
    if not password:
        missing["password"] = "Enter your password."  # noqa: S105 (a sentence for people)
    return missing


def _answer_errors(routes: ApiBlueprint) -> None:
    @routes.errorhandler(AuthorizationRefused)
    def refused(error: AuthorizationRefused) -> Response:
        return back_to(error.address.error_uri(error.error))

    answer_on_pages(routes)
