"""The error that ends a request early, the table from its slug to status and title, and what clients get."""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus

from service_kit.web.problems import MEDIA_TYPE, URN, ProblemType

PROBLEM_TYPES: Mapping[str, ProblemType] = {
    each.slug: each
    for each in (
        ProblemType(400, "bad_target", "The request target is not in canonical form"),
        ProblemType(400, "bad_request", "Bad Request"),
        ProblemType(400, "duplicate_header", "A header that may appear once is repeated"),
        ProblemType(400, "login_not_completed", "The log-in was not completed"),
        ProblemType(403, "cross_site_request", "Another site may have caused this request"),
        ProblemType(403, "insufficient_scope", "Forbidden"),
        ProblemType(403, "origin_not_allowed", "Pages of this origin may not call this route"),
        ProblemType(404, "not_found", "Not Found"),
        ProblemType(405, "method_not_allowed", "Method Not Allowed"),
        ProblemType(408, "request_timeout", "Request Timeout"),
        ProblemType(411, "length_required", "Length Required"),
        ProblemType(413, "content_too_large", "Content Too Large"),
        ProblemType(414, "uri_too_long", "URI Too Long"),
        ProblemType(417, "expectation_failed", "Expectation Failed"),
        ProblemType(429, "too_many_requests", "Too Many Requests"),
        ProblemType(431, "request_header_fields_too_large", "Request Header Fields Too Large"),
        ProblemType(500, "internal_error", "Internal error"),
        ProblemType(500, "session_too_long", "The session does not fit into a cookie"),
        ProblemType(502, "bad_gateway", "A service sent an invalid response"),
        ProblemType(503, "browser_sessions_off", "Browser sessions are not set up"),
        ProblemType(503, "overloaded", "The gateway is overloaded"),
        ProblemType(503, "upstream_unavailable", "A required service is not available"),
        ProblemType(503, "keys_unavailable", "Service Unavailable"),
        ProblemType(503, "status_unavailable", "Service Unavailable"),
        ProblemType(503, "unconfirmed", "Service Unavailable"),
        ProblemType(504, "upstream_timeout", "A service did not respond in time"),
        ProblemType(505, "http_version_not_supported", "HTTP Version Not Supported"),
    )
}
UNAUTHORIZED = ProblemType(401, "unauthorized", "Unauthorized")
PROBLEM_MEDIA_TYPE = MEDIA_TYPE.encode()
PAGE_MEDIA_TYPE = b"text/html; charset=utf-8"
PAGE_POLICY = (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
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
<p><a href="/">To the start page</a></p>
</main>
</html>
"""


class Refusal(Exception):
    """The gateway answers the request itself, with a problem document or an error page.

    `slug` is a key of PROBLEM_TYPES, or that of a token error (then `kind` is UNAUTHORIZED). `detail` is shown to the
    client; `headers` are added to the response.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *headers: tuple[bytes, bytes],
        kind: ProblemType | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.kind = kind or PROBLEM_TYPES[slug]
        self.headers = headers

    def again(self) -> "Refusal":
        """Return an equal one, without the traceback: that refers to the request."""
        return Refusal(self.slug, str(self), *self.headers, kind=self.kind)

    def problem(self, request_id: str) -> bytes:
        """Return the problem document (RFC 9457) as JSON."""
        return json.dumps(
            {
                "type": URN + self.slug,
                "title": self.kind.title,
                "status": self.kind.status,
                "detail": str(self),
                "request_id": request_id,
            }
        ).encode()

    def page(self, request_id: str) -> bytes:
        """Return the error page, with the time of a Retry-After in words."""
        message = str(self)
        seconds = dict(self.headers).get(b"retry-after")
        if seconds is not None:
            unit = "second" if seconds == b"1" else "seconds"
            message += f" Please try again in {int(seconds)} {unit}."
        text = _PAGE.format(
            title=escape(self.kind.title), message=escape(message), request_id=escape(request_id)
        )
        return text.encode()


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """Return the Retry-After header (RFC 9110 section 10.2.3): whole seconds, rounded up, at least 1."""
    return b"retry-after", b"%d" % max(1, round(seconds + 0.499))


# granian's, of errors that no service has answered.
_SERVER_BODIES = frozenset({b"", b"Internal server error"})


_KEPT = frozenset({b"allow", b"retry-after", b"www-authenticate"})  # they say what the client can do


def server_error(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Refusal | None:
    """Return the refusal for an error that a service's own server made, None for any other response."""
    if status < HTTPStatus.BAD_REQUEST or body not in _SERVER_BODIES:
        return None
    if any(
        name.lower() == b"content-type" and not value.startswith(b"text/plain") for name, value in headers
    ):
        return None
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    slug = re.sub("[^a-z]+", "_", title.lower())
    detail = "The service's server refused the request."
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "The service failed to process the request."
    kept = [(name.lower(), value) for name, value in headers if name.lower() in _KEPT]
    return Refusal(slug, detail, *kept, kind=ProblemType(status, slug, title))
