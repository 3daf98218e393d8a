"""The request that a user came with, which goes on after the log-in.

Pages carry its parameters in their addresses and forms. A mailed link has none, so a cookie keeps them for the browser. They
are as little trusted there as in an address: what they name is checked when it goes on.
"""

from urllib.parse import urlencode

from flask import Response
from touchstone.text import is_line

from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.web.html.cookies import Cookies
from auth_service.web.html.parameters import Pairs, decoded, encoded, fields

AUTHORIZATION, DEVICE = "/oauth/authorize", "/oauth/device"
KEPT_SECONDS = 3600
MAX_COOKIE = 3000  # characters; of a longer request nothing is kept
MAX_EMAIL = 320  # characters


def location_of(pairs: Pairs) -> str:
    """Return the address, below the issuer, at which a request goes on; without a request it is `/`."""
    names = fields(pairs)
    if "client_id" in names:
        return f"{AUTHORIZATION}?{encoded(pairs)}"
    return f"{DEVICE}?{encoded(pairs)}" if "user_code" in names else "/"


def hinted_email(pairs: Pairs) -> str:
    """Return the email address that the request suggests, or an empty text."""
    hint = fields(pairs).get("login_hint", "")
    return hint if _is_hint(hint) else ""


def with_hint(pairs: Pairs, email: str) -> Pairs:
    """Return the request with this suggestion in place of its own, if it can be one."""
    if not email or not _is_hint(email):
        return pairs
    return (*((name, value) for name, value in pairs if name != "login_hint"), ("login_hint", email))


def keep(cookies: Cookies, response: Response, pairs: Pairs) -> None:
    """Keep the request for the mailed link that this browser has just requested, in place of an earlier one."""
    text = urlencode(pairs)  # every character that a cookie cannot hold is escaped
    if pairs and len(text) <= MAX_COOKIE:
        cookies.set(response, cookies.request_name, text, KEPT_SECONDS)
    else:
        cookies.delete(response, cookies.request_name)


def kept(cookies: Cookies) -> Pairs:
    """Return the request that this browser keeps; none if there is none, or it is malformed."""
    try:
        return decoded(cookies.request)
    except InvalidAuthorizationRequest:
        return ()


def _is_hint(text: str) -> bool:
    return len(text) <= MAX_EMAIL and is_line(text)
