"""The page behind a mailed link: a form with the link's token.

Opening the page does not use up the link, because mail scanners open links as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from auth_service.web.html.csrf import FormGuard
from auth_service.web.html.parameters import fields, query_pairs


@dataclass(frozen=True, slots=True)
class LinkForm:
    """A form that sends a link's token to `action`."""

    forms: FormGuard
    template: str
    action: str
    purpose: str

    def open(self) -> Response:
        """Return the page for the token in the query."""
        return self.page(fields(query_pairs()).get("token", ""))

    def page(self, token: str, status: int = 200, errors: Mapping[str, str] | None = None) -> Response:
        """Return the page for a token."""
        return self.forms.page(
            self.template, self.purpose, token, status, errors=errors or {}, action=self.action, token=token
        )

    def token(self, form: Mapping[str, str]) -> str:
        """Return the token in a submitted form; raise StaleForm if this browser did not get the form."""
        token = form.get("token", "")
        self.forms.check(form.get("_form"), self.purpose, token)
        return token
