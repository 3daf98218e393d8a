"""The page on which a user creates an account."""

from collections.abc import Mapping

from flask import Response

from auth_service.domain.errors import StaleForm
from auth_service.web.dependencies import UseCases
from auth_service.web.html.parameters import Pairs, decoded, encoded, query_pairs
from auth_service.web.html.rendering import result_page, sentence
from auth_service.web.pages.login_form import ENTER_EMAIL, FORM_EXPIRED
from auth_service.web.pages.pending_request import hinted_email, keep, location_of, with_hint

PATH = "/accounts"
EMPTY = {"name": "Enter your name.", "email": ENTER_EMAIL, "password": "Choose a password."}


class RegistrationPage:
    """The page with the form, and the page after it.

    The new account is not logged in, because with an address that has an account already that would not be possible. So
    the response to both is the same.
    """

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases, self._forms = use_cases, use_cases.forms

    def open(self) -> Response:
        """Return the page."""
        pairs = query_pairs()
        return self._page(pairs, {"email": hinted_email(pairs)})

    def submit(self, form: dict[str, str]) -> Response:
        """Create the account; the response is the same if the address already has one."""
        request = form.get("_request", "")
        pairs = decoded(request)
        try:
            self._forms.check(form.get("_form"), PATH, request)
        except StaleForm:
            return self._page(pairs, form, 403, {"form": FORM_EXPIRED})
        account = {name: form.get(name, "") for name in ("name", "email", "password")}
        faults = self._use_cases.registration.faults(**account)
        if faults:
            errors = {name: sentence(fault) for name, fault in faults.items()}
            errors |= {name: EMPTY[name] for name, value in account.items() if not value.strip()}
            return self._page(pairs, form, 422, errors)
        self._use_cases.registration(**account)
        email = account["email"].strip()
        pairs = with_hint(pairs, email)
        response = result_page(
            "Check your mail",
            f"We have sent a mail to {email}. It says how to go on. Until the address is confirmed, "
            "a new account can only view and edit its own profile.",
            back=location_of(pairs),
            demo=self._use_cases.demo_login is not None,
        )
        keep(self._forms.cookies, response, pairs)
        return response

    def _page(
        self,
        pairs: Pairs,
        typed: Mapping[str, str],
        status: int = 200,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        request = encoded(pairs)
        return self._forms.page(
            "registration.html",
            PATH,
            request,
            status,
            errors=errors or {},
            action=PATH,
            request=request,
            name=typed.get("name", ""),
            email=typed.get("email", ""),
            back=location_of(pairs),
        )
