"""The response to a refused request: a problem document (RFC 9457) with the challenge of RFC 6750 section 3."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from math import ceil
from typing import NamedTuple

from touchstone.errors import InsufficientScope, MissingToken, TokenError, TouchstoneError, Unavailable

MEDIA_TYPE = "application/problem+json"
_UNQUOTABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 section 3


class Problem(NamedTuple):
    """A response; `headers` are all but the media type and the length."""

    status: int
    headers: dict[str, str]
    body: str


def problem_of(error: TouchstoneError, request_id: str | None = None) -> Problem:
    """Return the response to a request that is refused with this error."""
    status, headers = _status_and_headers(error)
    body = {
        "type": f"urn:touchstone:problem:{error.slug}",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error),
    }
    if request_id is not None:
        body["request_id"] = request_id
    return Problem(status.value, {**headers, "Cache-Control": "no-store"}, json.dumps(body))


def _status_and_headers(error: TouchstoneError) -> tuple[HTTPStatus, dict[str, str]]:
    if isinstance(error, MissingToken):
        return HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TokenError):
        challenge = f'Bearer error="invalid_token", error_description="{_quotable(str(error))}"'
        return HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": challenge}
    if isinstance(error, InsufficientScope):
        challenge = f'Bearer error="insufficient_scope", scope="{_quotable(" ".join(error.required))}"'
        return HTTPStatus.FORBIDDEN, {"WWW-Authenticate": challenge}
    if isinstance(error, Unavailable):
        return HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(ceil(error.retry_after))}
    return HTTPStatus.INTERNAL_SERVER_ERROR, {}


def _quotable(text: str) -> str:
    return _UNQUOTABLE.sub("?", text)
