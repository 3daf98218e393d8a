"""The error page: an HTML version of the problem document, for people with browsers."""

from collections.abc import Sequence
from html import escape

from gateway.errors import Refusal
from gateway.headers import Headers
from gateway.routes import Route

HTML_TYPE = b"text/html; charset=utf-8"
POLICY: Headers = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} &ndash; Touchstone</title>
<main>
<h1>{title}</h1>
<p role="alert">{message}</p>
<p>Request ID: {request_id}</p>
</main>
</html>
"""


def is_wanted(route: Route | None, lines: Sequence[bytes]) -> bool:
    """Return whether to respond with a page: on a route with `html`, unless JSON is sent or accepted instead.

    `lines` are the request's header lines, names in lower case.
    """
    if route is None or not route.html:
        return False
    accept, sent = (_value(lines, name) for name in (b"accept", b"content-type"))
    return b"json" not in sent and (b"json" not in accept or b"text/html" in accept)


def render(refusal: Refusal, request_id: str) -> bytes:
    """Return the page, with the time of a Retry-After in words."""
    message = str(refusal)
    seconds = dict(refusal.headers).get(b"retry-after")
    if seconds is not None:
        unit = "second" if seconds == b"1" else "seconds"
        message += f" Please try again in {int(seconds)} {unit}."
    page = _PAGE.format(
        title=escape(refusal.kind.title), message=escape(message), request_id=escape(request_id)
    )
    return page.encode()


def _value(lines: Sequence[bytes], name: bytes) -> bytes:
    found = [line.partition(b":")[2] for line in lines if line.startswith(name + b":")]
    return b",".join(found).lower()
