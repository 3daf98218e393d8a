"""The browser's side of the pages: cookies, and forms that only a page of ours can have sent."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from flask import Response, g, request

from auth_service.domain.clock import Clock
from auth_service.domain.errors import StaleForm
from auth_service.domain.opaque_tokens import new_token

FORM_LIFE = 3600  # seconds that a page may stay open before its form has to be given out anew
LEEWAY = 30  # seconds that the clocks of two replicas may differ
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_TOKEN = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


class Cookies:
    """Our two cookies: who is logged in, and the secret that forms are bound to.

    Both are HttpOnly and SameSite=Lax, and end with the browser; below https they are Secure and carry the
    ``__Host-`` prefix, so that no neighbouring host can plant them.
    """

    def __init__(self, issuer: str) -> None:
        self._secure = issuer.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self.login_name = f"{prefix}touchstone_login"
        self.form_name = f"{prefix}touchstone_form"

    @property
    def login(self) -> str | None:
        """The log-in cookie of this request, if it has the form of one of ours."""
        return _given(self.login_name)

    @property
    def form(self) -> str | None:
        """The form secret of this request, if it has the form of one of ours."""
        return _given(self.form_name)

    def set(self, response: Response, name: str, value: str) -> None:
        """Give the browser a cookie."""
        response.set_cookie(name, value, path="/", httponly=True, samesite="Lax", secure=self._secure)

    def drop(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, path="/", httponly=True, samesite="Lax", secure=self._secure)


def _given(name: str) -> str | None:
    value = request.cookies.get(name, "")
    return value if _VALUE.fullmatch(value) else None


@dataclass(frozen=True, slots=True)
class FormGuard:
    """Signs forms with a secret that only this browser's cookie holds, and refuses every other form.

    A form's token speaks for one purpose, one content, one log-in cookie and one hour. So neither another
    site's form, a log-in form among them, nor one of another person or about something else is ever taken.
    """

    cookies: Cookies
    origin: str
    now: Clock

    def token(self, purpose: str, about: str, *, login: str | None = None) -> str:
        """Give the hidden field of a form; ``login`` is the log-in cookie when it is only being set now."""
        secret = self.cookies.form or g.get("form_secret")
        if secret is None:
            secret = g.form_secret = new_token()
        stamp = str(int(self.now()))
        return f"{stamp}.{_mac(secret, purpose, stamp, login or self.cookies.login or '', about)}"

    def check(self, token: str | None, purpose: str, about: str) -> None:
        """Raise StaleForm unless this is the form that this browser was given for this."""
        found, secret = _TOKEN.fullmatch(token or ""), self.cookies.form
        if found is None or secret is None or not self._from_here():
            raise StaleForm(
                "this form does not belong to this browser session; reload the page and send it again"
            )
        stamp, mac = found.groups()
        expected = _mac(secret, purpose, stamp, self.cookies.login or "", about)
        if not hmac.compare_digest(mac, expected) or not -LEEWAY <= self.now() - int(stamp) <= FORM_LIFE:
            raise StaleForm("this form has expired; reload the page and send it again")

    def seal(self, response: Response) -> Response:
        """Give the browser the secret that the forms of this answer were signed with, if it is new."""
        if "form_secret" in g:
            self.cookies.set(response, self.cookies.form_name, g.form_secret)
        return response

    def _from_here(self) -> bool:
        """Say whether the request does not come from another site, as far as the browser tells.

        Pages with ``Referrer-Policy: no-referrer`` send ``Origin: null``, which says nothing, and only trustworthy
        addresses are sent Sec-Fetch-Site; where neither speaks, the token does.
        """
        origin, site = (
            request.headers.get("Origin", "null"),
            request.headers.get("Sec-Fetch-Site", "same-origin"),
        )
        return origin in {"null", self.origin} and site == "same-origin"


def _mac(secret: str, *parts: str) -> str:
    message = "\n".join(parts).encode()  # only the last part may hold a line break
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
