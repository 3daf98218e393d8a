"""Redirect URIs, compared as strings (RFC 9700 section 4.1.3)."""

import re
from collections.abc import Iterable
from urllib.parse import urlencode

LONGEST_URI = 2000
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,4})?((?:[/?].*)?)", re.DOTALL)
_LOCALHOST = re.compile(r"(http://localhost)(?::[1-9][0-9]{0,4})?((?:[/?].*)?)", re.DOTALL)


def is_registered(uri: str, registrations: Iterable[str], issuer: str) -> bool:
    """Return whether the URI is registered: the same string, except for the port of a loopback address.

    A registration that begins with `/` is relative to the issuer. `127.0.0.1` and `[::1]` match any port (RFC 8252
    section 7.3), `localhost` only if it was registered without one.
    """
    if len(uri) > LONGEST_URI:
        return False
    return any(_same(uri, known, issuer) for known in registrations)


def _same(uri: str, known: str, issuer: str) -> bool:
    if known.startswith("/"):
        return uri == issuer + known
    if uri == known:
        return True
    if (loopback := _LOOPBACK.fullmatch(known)) is not None:
        asked = _LOOPBACK.fullmatch(uri)
        return asked is not None and asked.groups() == loopback.groups()
    localhost = _LOCALHOST.fullmatch(known)
    if localhost is None or known != "".join(localhost.groups()):
        return False
    asked = _LOCALHOST.fullmatch(uri)
    return asked is not None and asked.groups() == localhost.groups()


def add_parameters(uri: str, parameters: dict[str, str | None]) -> str:
    """Return the URI with these parameters added to its query, except those that are None."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    if not query:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{query}"
