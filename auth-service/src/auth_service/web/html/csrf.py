"""Protection of forms against cross-site requests."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from flask import Response, g, request

from auth_service.domain.clock import Clock
from auth_service.domain.errors import StaleForm
from auth_service.domain.opaque_tokens import new_token
from auth_service.web.html.cookies import Cookies
from auth_service.web.html.rendering import page

FORM_LIFETIME_SECONDS = 3600
LEEWAY_SECONDS = 30  # for the clocks of two replicas
_TOKEN = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class FormGuard:
    """Signs forms with a secret in the browser's cookie, and refuses forms without a valid signature.

    A form's token holds for one purpose, one content, one browser session and one hour. So the form of another site, of
    another user or about something else is refused; a log-in form too.
    """

    cookies: Cookies
    origin: str
    now: Clock

    def page(  # noqa: PLR0913 - the last ones by name
        self,
        template: str,
        purpose: str,
        content: str,
        status: int = 200,
        *,
        login: str | None = None,
        redirect_uri: str | None = None,
        **context: object,
    ) -> Response:
        """Return a page with a form; `login` is the browser session if this response sets its cookie.

        With `redirect_uri` the form may end at that address of a client.
        """
        form_token = self._token(purpose, content, login or self.cookies.login or "")
        response = page(template, status, redirect_uri=redirect_uri, form_token=form_token, **context)
        if "form_secret" in g:
            self.cookies.set(response, self.cookies.form_name, g.form_secret)
        return response

    def check(self, token: str | None, purpose: str, content: str) -> None:
        """Raise StaleForm unless this browser got this form, for this purpose and content, within the last hour."""
        found, secret = _TOKEN.fullmatch(token or ""), self.cookies.form
        if found is None or secret is None or not self._same_origin():
            raise StaleForm(
                "this form does not belong to this browser session; reload the page and send it again"
            )
        issued_at, mac = found.groups()
        expected = _mac(secret, purpose, issued_at, self.cookies.login or "", content)
        age = self.now() - int(issued_at)
        if not hmac.compare_digest(mac, expected) or not -LEEWAY_SECONDS <= age <= FORM_LIFETIME_SECONDS:
            raise StaleForm("this form has expired; reload the page and send it again")

    def _token(self, purpose: str, content: str, login: str) -> str:
        secret = self.cookies.form or g.get("form_secret")
        if secret is None:
            secret = g.form_secret = new_token()
        issued_at = str(int(self.now()))
        return f"{issued_at}.{_mac(secret, purpose, issued_at, login, content)}"

    def _same_origin(self) -> bool:
        """Return whether the browser says nothing of another site.

        Pages with `Referrer-Policy: no-referrer` send `Origin: null`, which says nothing, and browsers send
        Sec-Fetch-Site only to trustworthy addresses. Without either, the token decides alone.
        """
        origin = request.headers.get("Origin", "null")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        return origin in {"null", self.origin} and site == "same-origin"


def _mac(secret: str, *parts: str) -> str:
    message = "\n".join(parts).encode()  # only the last part may contain a line break
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
