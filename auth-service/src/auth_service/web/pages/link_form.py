"""The page behind a mailed link: a form with the link's token and the request that this browser keeps.

Opening the page does not use up the link, because mail scanners open links as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from auth_service.web.html.csrf import FormGuard
from auth_service.web.html.parameters import Pairs, decoded, encoded, fields, query_pairs
from auth_service.web.pages.pending_request import kept

INVALID_LINK = "This link is not valid"


@dataclass(frozen=True, slots=True)
class LinkForm:
    """A form that sends a link's token to `action`."""

    forms: FormGuard
    template: str
    action: str
    purpose: str

    def open(self) -> Response:
        """Return the page for the token in the query."""
        return self.page(token_in_query(), kept(self.forms.cookies))

    def page(
        self,
        token: str,
        pairs: Pairs,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
        *,
        redirect_uri: str | None = None,
    ) -> Response:
        """Return the page for a token and a pending request."""
        request = encoded(pairs)
        return self.forms.page(
            self.template,
            self.purpose,
            f"{request}\n{token}",
            status,
            redirect_uri=redirect_uri,
            errors=errors or {},
            action=self.action,
            request=request,
            token=token,
        )

    def submitted(self, form: Mapping[str, str]) -> tuple[str, Pairs]:
        """Return the token and the request of a submitted form; raise StaleForm if this browser did not get the form."""
        token, request = form.get("token", ""), form.get("_request", "")
        self.forms.check(form.get("_form"), self.purpose, f"{request}\n{token}")
        return token, decoded(request)


def token_in_query() -> str:
    """Return the token of a mailed link, or an empty text."""
    return fields(query_pairs()).get("token", "")
