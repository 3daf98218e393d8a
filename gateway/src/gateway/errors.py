"""The error that ends a request early, and the table from its slug to status and title (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from service_kit.web.problems import MEDIA_TYPE, URN


class ProblemType(NamedTuple):
    """Status and title, the same for every problem of one type."""

    status: int
    title: str


PROBLEM_TYPES: Mapping[str, ProblemType] = {
    "bad_target": ProblemType(400, "The request target is not in canonical form"),
    "bad_request": ProblemType(400, "Bad Request"),
    "duplicate_header": ProblemType(400, "A header that may appear once is repeated"),
    "not_found": ProblemType(404, "Not Found"),
    "method_not_allowed": ProblemType(405, "Method Not Allowed"),
    "request_timeout": ProblemType(408, "Request Timeout"),
    "content_too_large": ProblemType(413, "Content Too Large"),
    "uri_too_long": ProblemType(414, "URI Too Long"),
    "expectation_failed": ProblemType(417, "Expectation Failed"),
    "too_many_requests": ProblemType(429, "Too Many Requests"),
    "request_header_fields_too_large": ProblemType(431, "Request Header Fields Too Large"),
    "internal_error": ProblemType(500, "Internal error"),
    "bad_gateway": ProblemType(502, "A service sent an invalid response"),
    "overloaded": ProblemType(503, "Service Unavailable"),
    "upstream_unavailable": ProblemType(503, "A required service is not available"),
    "keys_unavailable": ProblemType(503, "Service Unavailable"),
    "status_unavailable": ProblemType(503, "Service Unavailable"),
    "upstream_timeout": ProblemType(504, "A service did not respond in time"),
    "http_version_not_supported": ProblemType(505, "HTTP Version Not Supported"),
}
UNAUTHORIZED = ProblemType(401, "Unauthorized")
PROBLEM_MEDIA_TYPE = MEDIA_TYPE.encode()


class Refusal(Exception):  # noqa: N818 - named for what it is
    """The gateway answers the request itself, with a problem document or an error page.

    `slug` is a key of PROBLEM_TYPES, or that of a token error (then `kind` is UNAUTHORIZED). `detail` is shown to the
    client; `headers` are added to the response; `close` ends the connection after it.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *headers: tuple[bytes, bytes],
        kind: ProblemType | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.kind = kind or PROBLEM_TYPES[slug]
        self.headers = headers
        self.close = close

    def body(self, request_id: str) -> bytes:
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


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """Return the Retry-After header (RFC 9110 section 10.2.3): whole seconds, rounded up, at least 1."""
    return b"retry-after", b"%d" % max(1, round(seconds + 0.499))
