"""What caches may do with a response (RFC 9111)."""

from hashlib import sha256
from typing import Any, cast

from flask import Response, current_app, request


def cacheable_json(value: Any, max_age: int) -> Response:
    """Return the JSON of a value with an ETag, which every cache may keep for `max_age` seconds.

    It is 304 where the request has this ETag in `If-None-Match` (RFC 9110 section 13.1.2).
    """
    response = cast("Response", current_app.json.response(value))
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.headers["ETag"] = f'"{sha256(response.data).hexdigest()[:32]}"'
    if "HTTP_IF_NONE_MATCH" in request.environ:
        return cast("Response", response.make_conditional(request))
    return response


def no_store(response: Response) -> Response:
    """Forbid caches to keep a response without its own Cache-Control; for a blueprint's `after_request`."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response
