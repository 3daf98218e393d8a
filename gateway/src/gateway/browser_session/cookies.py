"""The two cookies: `session` has the tokens, `session_login` the secret of the log-ins that this browser has begun."""

from typing import Final

from gateway.headers import SESSION_COOKIES, RequestHeaders

MAX_COOKIE = 4096  # bytes with name and attributes: what every browser keeps (RFC 6265 section 6.1)
Header = tuple[bytes, bytes]
SET_COOKIE: Final = b"set-cookie"


class Cookies:
    """Names and attributes of the cookies; with https they have the prefix `__Host-` (RFC 6265bis section 4.1.3.2)."""

    def __init__(self, *, secure: bool) -> None:
        self._session, self._login = SESSION_COOKIES[secure]
        self._attributes = b"; Path=/; HttpOnly; SameSite=%s" + (b"; Secure" if secure else b"")

    def session(self, headers: RequestHeaders) -> bytes:
        """Return the value of the session cookie; empty if there is none, or more than one."""
        return headers.own_cookies.get(self._session, b"")

    def login(self, headers: RequestHeaders) -> bytes:
        """Return the value of the log-in cookie, in the same way."""
        return headers.own_cookies.get(self._login, b"")

    def set_session(self, value: str) -> Header:
        """Return the header that sets the session cookie, until the browser closes. Raise ValueError if it is too long."""
        line = b"%b=%b" % (self._session, value.encode()) + self._attributes % b"Strict"
        if len(line) > MAX_COOKIE:
            raise ValueError(f"the session cookie has {len(line)} bytes; browsers keep {MAX_COOKIE}")
        return SET_COOKIE, line

    def delete_session(self) -> Header:
        """Return the header that deletes the session cookie."""
        return SET_COOKIE, b"%b=" % self._session + self._attributes % b"Strict" + b"; Max-Age=0"

    def set_login(self, value: str, seconds: int) -> Header:
        """Return the header that sets the log-in cookie, also sent when another site's link leads back here."""
        line = b"%b=%b" % (self._login, value.encode()) + self._attributes % b"Lax"
        return SET_COOKIE, line + b"; Max-Age=%d" % seconds
