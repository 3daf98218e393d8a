"""The pages of a log-in by mail: the address, the mailed code, and the mailed link."""

from collections.abc import Mapping

from flask import Response

from auth_service.domain.accounts.errors import BadLink, BindingMissing
from auth_service.domain.errors import StaleForm
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.use_cases.accounts.magic_link import LINK_SECONDS, LinkCode, LinkToken
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused, AuthorizationRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.html.parameters import Pairs, decoded, encoded, fields, query_pairs
from auth_service.web.html.rendering import error_page, redirect_to
from auth_service.web.pages.authorize import AuthorizationPages
from auth_service.web.pages.email_form import EmailForm
from auth_service.web.pages.link_form import LinkForm, token_in_query
from auth_service.web.pages.login_form import ENTER_EMAIL, FORM_EXPIRED, LoginForm
from auth_service.web.pages.pending_request import keep, kept, location_of

REQUEST, REDEEM = "/magic-links", "/magic-links/redeem"
WRONG_CODE = "This code is wrong, already used or expired. Check it, or ask for a new mail."


class MagicLinkPages:
    """The pages of a log-in by mail, which ends at the application that asked for the log-in."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases, self._forms = use_cases, use_cases.forms
        self._cookies = use_cases.forms.cookies
        self._authorization, self._login = AuthorizationPages(use_cases), LoginForm(use_cases, REDEEM)
        self._link = LinkForm(self._forms, "magic_link.html", REDEEM, "magic")
        self._email = EmailForm(
            self._forms,
            REQUEST,
            "Log in by mail",
            "We mail you a link and a code. With one of them you log in without your password.",
            "Send the mail",
        )

    def open(self) -> Response:
        """Return the page that asks for the address; raise the errors of an invalid authorization request."""
        pairs = query_pairs()
        self._authorization_request(pairs)
        return self._email.page(pairs)

    def request(self, form: dict[str, str]) -> Response:
        """Mail link and code, and return the page for the code; it is the same if the address has no account."""
        submitted = self._email.submitted(form)
        if isinstance(submitted, Response):
            return submitted
        email, pairs = submitted
        response = self._code_page(pairs, email)
        binding = self._use_cases.magic_link_request(email)
        self._cookies.set(response, self._cookies.link_name, binding, int(LINK_SECONDS))
        keep(self._cookies, response, pairs)
        return response

    def open_link(self) -> Response:
        """Return the page of a mailed link, with the request that this browser keeps if it is still valid."""
        pairs = kept(self._cookies)
        try:
            request = self._authorization_request(pairs)
        except (InvalidAuthorizationRequest, AuthorizationRefused):
            pairs, request = (), None
        return self._link.page(token_in_query(), pairs, redirect_uri=_redirect_uri(request))

    def redeem(self, form: dict[str, str]) -> Response:
        """Begin a browser session with the link's token or the code, and go on with the request."""
        return self._redeem_link(form) if "token" in form else self._redeem_code(form)

    def _redeem_link(self, form: dict[str, str]) -> Response:
        token, pairs = self._link.submitted(form)
        try:
            return self._log_in(pairs, LinkToken(token, self._cookies.link))
        except (BadLink, BindingMissing) as error:
            return error_page(str(error), title="This link cannot be used in this browser")

    def _redeem_code(self, form: dict[str, str]) -> Response:
        request, email, code = (form.get(name, "") for name in ("_request", "email", "code"))
        pairs = decoded(request)
        try:
            self._forms.check(form.get("_form"), "code", request)
        except StaleForm:
            return self._code_page(pairs, email, code, 403, {"form": FORM_EXPIRED})
        errors = {}
        if not email.strip():
            errors["email"] = ENTER_EMAIL
        if not code.strip():
            errors["code"] = "Enter the code from the mail."
        if errors:
            return self._code_page(pairs, email, code, 422, errors)
        try:
            return self._log_in(pairs, LinkCode(email, code, self._cookies.link))
        except (BadLink, BindingMissing):
            return self._code_page(pairs, email, code, 403, {"code": WRONG_CODE})

    def _log_in(self, pairs: Pairs, presented: LinkToken | LinkCode) -> Response:
        request = self._authorization_request(pairs)  # first: a refused request uses nothing up
        session = self._use_cases.magic_link_login.in_browser(presented, self._cookies.login)
        if request is None:
            response = redirect_to(f"{self._use_cases.issuer}{location_of(pairs)}")
            self._login.set_cookie(response, session)
        else:
            response = self._authorization.after_login(request, session)
        self._cookies.delete(response, self._cookies.link_name)
        return response

    def _authorization_request(self, pairs: Pairs) -> AuthorizationRequest | None:
        """Return the pending authorization request, or None; raise the errors of its parser."""
        return self._use_cases.authorization_request_parser(pairs) if "client_id" in fields(pairs) else None

    def _code_page(
        self,
        pairs: Pairs,
        email: str,
        code: str = "",
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        request = encoded(pairs)
        return self._forms.page(
            "magic_code.html",
            "code",
            request,
            status,
            redirect_uri=_redirect_uri(self._authorization_request(pairs)),
            errors=errors or {},
            action=REDEEM,
            request=request,
            email=email,
            code=code,
            again=f"{REQUEST}?{request}",
            back=location_of(pairs),
            demo=self._use_cases.demo_login is not None,
        )


def _redirect_uri(request: AuthorizationRequest | None) -> str | None:
    return request.address.redirect_uri if request else None
