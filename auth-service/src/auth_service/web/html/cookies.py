"""The cookies of auth-service's pages."""

import re

from flask import Response, request

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookies:
    """The cookies of pages: the browser session, the secret of forms, and the binding and the request of a mailed link.

    They are HttpOnly and SameSite=Lax, for a mailed link is opened from another site. With https they are Secure and have
    the `__Host-` prefix, so that no other host can set them.
    """

    def __init__(self, issuer: str) -> None:
        self._secure = issuer.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self.login_name = f"{prefix}touchstone_login"
        self.form_name = f"{prefix}touchstone_form"
        self.link_name = f"{prefix}magic"
        self.request_name = f"{prefix}touchstone_request"

    @property
    def login(self) -> str | None:
        """The browser session in this request, if it is well-formed."""
        return _well_formed(self.login_name)

    @property
    def form(self) -> str | None:
        """The form secret in this request, if it is well-formed."""
        return _well_formed(self.form_name)

    @property
    def link(self) -> str | None:
        """The binding of a mailed link in this request."""
        return request.cookies.get(self.link_name)

    @property
    def request(self) -> str:
        """The pending request in this request, URL-encoded; empty if there is none."""
        return request.cookies.get(self.request_name, "")

    def set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """Set a cookie for `max_age` seconds, or until the browser closes."""
        response.set_cookie(
            name, value, max_age, path="/", httponly=True, samesite="Lax", secure=self._secure
        )

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(name, path="/", httponly=True, samesite="Lax", secure=self._secure)


def _well_formed(name: str) -> str | None:
    value = request.cookies.get(name, "")
    return value if _VALUE.fullmatch(value) else None
