"""The Content-Security-Policy of pages."""

import re
from urllib.parse import quote, urlsplit

_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'{}; frame-ancestors 'none'; base-uri 'none'"
)
_WEB = re.compile(r"(https?)://(\[[^\]]*\]|[^/?#:]*)(:[0-9]{1,5})?([^?#]*)")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_PATH_CHARACTERS = "/:@!$&'()*+=~%"


def page_policy(redirect_uri: str | None = None) -> str:
    """Return the policy of a page whose forms post to this service, and may end at a client's redirect URI.

    Browsers apply `form-action` to every redirect after a form, from the second on without the path (CSP Level 3 section
    6.7.2.7). So a client may redirect further within its origin, but not to another one.
    """
    return _POLICY.format(f" {source_expression(redirect_uri)}" if redirect_uri else "")


def source_expression(uri: str) -> str:
    """Return the narrowest source expression that allows a redirect to a URI (CSP Level 3 section 2.3.1).

    It holds no query, and the path is percent-encoded where the grammar requires it. A host that the grammar cannot hold,
    such as `[::1]`, becomes `*` with the same scheme and port. A private-use scheme is all of its expression.
    """
    found = _WEB.match(uri)
    if found is None:
        return f"{urlsplit(uri).scheme}:"
    scheme, host, port, path = found.groups()
    host = host if _HOST.fullmatch(host) else "*"
    return f"{scheme}://{host}{port or ''}{quote(path, safe=_PATH_CHARACTERS)}"
