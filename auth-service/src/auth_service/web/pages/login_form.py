"""The log-in form, and the browser session that it begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from auth_service.domain.accounts.errors import BadCredentials
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.accounts.browser_login import NewBrowserSession
from auth_service.web.dependencies import UseCases

FORM_EXPIRED = "The form has expired, or cookies are disabled. Please try again."
WRONG_CREDENTIALS = "The email address or the password is wrong."


@dataclass(frozen=True, slots=True)
class LoginForm:
    """The log-in form of the page at `action`. `request` is what the page goes on with after the log-in."""

    use_cases: UseCases
    action: str

    def session(self) -> BrowserUser | None:
        """Return the browser session of this request and its account, or None."""
        return self.use_cases.authenticate_browser(self.use_cases.forms.cookies.login)

    def page(
        self,
        request: str,
        client_name: str,
        email: str = "",
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page with the form."""
        return self.use_cases.forms.page(
            "login.html",
            "login",
            request,
            status,
            errors=errors or {},
            action=self.action,
            request=request,
            client_name=client_name,
            email=email,
        )

    def submit(
        self, fields: Mapping[str, str], request: str, client_name: str
    ) -> NewBrowserSession | Response:
        """Return the new browser session, or the form with errors; raise StaleForm or TryLater."""
        self.use_cases.forms.check(fields.get("_form"), "login", fields.get("_request", ""))
        email, password = fields.get("email", ""), fields.get("password", "")
        errors = {}
        if not email.strip():
            errors["email"] = "Enter your email address."
        if not password:
            errors["password"] = "Enter your password."  # noqa: S105 - a sentence for users
        if errors:
            return self.page(request, client_name, email, 422, errors)
        try:
            return self.use_cases.begin_browser_session(email, password, self.use_cases.forms.cookies.login)
        except BadCredentials:
            return self.page(request, client_name, email, 403, {"password": WRONG_CREDENTIALS})

    def set_cookie(self, response: Response, session: NewBrowserSession) -> Response:
        """Set the cookie of a new browser session."""
        cookies = self.use_cases.forms.cookies
        cookies.set(response, cookies.login_name, session.cookie)
        return response
