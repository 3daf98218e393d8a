"""The log-in form, and the browser session that it begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from auth_service.domain.accounts.errors import BadCredentials
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.accounts.browser_login import NewBrowserSession
from auth_service.web.dependencies import UseCases
from auth_service.web.html.parameters import Pairs, encoded
from auth_service.web.pages.pending_request import hinted_email, location_of, with_hint

FORM_EXPIRED = "The form has expired, or cookies are disabled. Please try again."
WRONG_CREDENTIALS = "The email address or the password is wrong."
ENTER_EMAIL = "Enter your email address."


@dataclass(frozen=True, slots=True)
class LoginPurpose:
    """What a log-in is for: the parameters of the request, who asks, and where the form may end beside this service."""

    pairs: Pairs
    client_name: str
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True)
class LoginForm:
    """The log-in form of the page at `action`."""

    use_cases: UseCases
    action: str

    def session(self) -> BrowserUser | None:
        """Return the browser session of this request and its account, or None."""
        return self.use_cases.authenticate_browser(self.use_cases.forms.cookies.login)

    def page(
        self,
        purpose: LoginPurpose,
        email: str | None = None,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page with the form, filled in with `email` or else with the address that the request suggests."""
        email = hinted_email(purpose.pairs) if email is None else email
        request = encoded(purpose.pairs)
        demo = self.use_cases.demo_login
        accounts = demo.addresses if demo else ()
        return self.use_cases.forms.page(
            "login.html",
            "login",
            request,
            status,
            redirect_uri=purpose.redirect_uri,
            errors=errors or {},
            action=self.action,
            request=request,
            client_name=purpose.client_name,
            email=email,
            query=encoded(with_hint(purpose.pairs, email)),
            demo_password=demo.password if demo else None,
            demo_accounts={each: location_of(with_hint(purpose.pairs, each)) for each in accounts},
        )

    def submit(self, fields: Mapping[str, str], purpose: LoginPurpose) -> NewBrowserSession | Response:
        """Return the new browser session, or the form with errors; raise StaleForm or TryLater."""
        self.use_cases.forms.check(fields.get("_form"), "login", fields.get("_request", ""))
        email, password = fields.get("email", ""), fields.get("password", "")
        errors = {}
        if not email.strip():
            errors["email"] = ENTER_EMAIL
        if not password:
            errors["password"] = "Enter your password."  # noqa: S105 - a sentence for users
        if errors:
            return self.page(purpose, email, 422, errors)
        try:
            return self.use_cases.begin_browser_session(email, password, self.use_cases.forms.cookies.login)
        except BadCredentials:
            return self.page(purpose, email, 403, {"password": WRONG_CREDENTIALS})

    def set_cookie(self, response: Response, session: NewBrowserSession) -> Response:
        """Set the cookie of a new browser session; no request is pending any more."""
        cookies = self.use_cases.forms.cookies
        cookies.set(response, cookies.login_name, session.cookie)
        if cookies.request:
            cookies.delete(response, cookies.request_name)
        return response
