"""A page that asks for the address to which a link is mailed."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from auth_service.domain.accounts.account import normalise_email
from auth_service.domain.accounts.errors import InvalidEmail
from auth_service.domain.errors import StaleForm
from auth_service.web.html.csrf import FormGuard
from auth_service.web.html.parameters import Pairs, decoded, encoded
from auth_service.web.pages.login_form import ENTER_EMAIL, FORM_EXPIRED
from auth_service.web.pages.pending_request import hinted_email, location_of, with_hint


@dataclass(frozen=True, slots=True)
class EmailForm:
    """A form that sends an address to `action`, and carries a pending request. `text` and `button` say what for."""

    forms: FormGuard
    action: str
    title: str
    text: str
    button: str

    def page(
        self,
        pairs: Pairs,
        email: str | None = None,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page, filled in with `email` or else with the address that the request suggests."""
        request = encoded(pairs)
        return self.forms.page(
            "email_form.html",
            self.action,
            request,
            status,
            errors=errors or {},
            title=self.title,
            text=self.text,
            button=self.button,
            action=self.action,
            request=request,
            email=hinted_email(pairs) if email is None else email,
            back=location_of(pairs),
        )

    def submitted(self, form: Mapping[str, str]) -> tuple[str, Pairs] | Response:
        """Return the address and the request, which suggests it from now on; or the page with errors."""
        request, email = form.get("_request", ""), form.get("email", "")
        pairs = decoded(request)
        try:
            self.forms.check(form.get("_form"), self.action, request)
        except StaleForm:
            return self.page(pairs, email, 403, {"form": FORM_EXPIRED})
        try:
            address = normalise_email(email)
        except InvalidEmail:
            fault = "This is not an email address. It looks like name@example.com."
            return self.page(pairs, email, 422, {"email": fault if email.strip() else ENTER_EMAIL})
        return address, with_hint(pairs, address)
