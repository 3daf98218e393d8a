"""The one error of the door: a request that goes no further, and the problem that its sender is told."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from service_kit.web.problems import MEDIA_TYPE, URN


class Kind(NamedTuple):
    """The parts of a problem that never vary."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "bad_target": Kind(400, "The request target is not in its one canonical form"),
    "bad_request": Kind(400, "Bad Request"),
    "duplicate_header": Kind(400, "A header that may appear once appears twice"),
    "not_found": Kind(404, "Not Found"),
    "method_not_allowed": Kind(405, "Method Not Allowed"),
    "request_timeout": Kind(408, "Request Timeout"),
    "content_too_large": Kind(413, "Content Too Large"),
    "uri_too_long": Kind(414, "URI Too Long"),
    "expectation_failed": Kind(417, "Expectation Failed"),
    "too_many_requests": Kind(429, "Too Many Requests"),
    "request_header_fields_too_large": Kind(431, "Request Header Fields Too Large"),
    "internal_error": Kind(500, "Internal error"),
    "bad_gateway": Kind(502, "A service gave no proper answer"),
    "overloaded": Kind(503, "Service Unavailable"),
    "upstream_unavailable": Kind(503, "A service that this needs is not available"),
    "keys_unavailable": Kind(503, "Service Unavailable"),
    "status_unavailable": Kind(503, "Service Unavailable"),
    "upstream_timeout": Kind(504, "A service did not answer in time"),
    "http_version_not_supported": Kind(505, "HTTP Version Not Supported"),
}
UNAUTHORIZED = Kind(401, "Unauthorized")


class Refusal(Exception):  # noqa: N818 - named for what it is
    """A request is answered here and now. `slug` is a key of KINDS, or that of a token error (401).

    `detail` is safe to show; `headers` go onto the answer; `close` ends the connection after it.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *headers: tuple[bytes, bytes],
        kind: Kind | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.kind = kind or KINDS[slug]
        self.headers = headers
        self.close = close

    def body(self, request_id: str) -> bytes:
        """Return the problem (RFC 9457) as JSON."""
        return json.dumps(
            {
                "type": URN + self.slug,
                "title": self.kind.title,
                "status": self.kind.status,
                "detail": str(self),
                "request_id": request_id,
            }
        ).encode()


PROBLEM_TYPE = MEDIA_TYPE.encode()


def retry(seconds: float) -> tuple[bytes, bytes]:
    """Return the Retry-After header (RFC 9110 section 10.2.3), in whole seconds, at least 1."""
    return b"retry-after", b"%d" % max(1, round(seconds + 0.499))
