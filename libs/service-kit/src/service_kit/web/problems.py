"""Error responses: a table from exception class to problem (RFC 9457), and an opaque 500 for all others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from service_kit.errors import BadCursor, ExchangeRefused, InvalidRequest, MalformedJson, UpstreamUnavailable
from service_kit.observability.request_id import current_request_id

MEDIA_TYPE = "application/problem+json"
URN = "urn:touchstone:problem:"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: `status`, `slug` (the end of its URN) and `title` never vary.

    `detail` replaces the exception's text, where that is not for clients; `retry_after` (seconds) is the default for
    exceptions without one.
    """

    status: int
    slug: str
    title: str
    detail: str | None = None
    retry_after: int | None = None


SERVICE_KIT_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    UpstreamUnavailable: ProblemType(503, "upstream_unavailable", "A required service is not available"),
    ExchangeRefused: ProblemType(403, "exchange_refused", "The access token does not allow this call"),
    BadCursor: ProblemType(400, "bad_cursor", "The cursor is invalid"),
    MalformedJson: ProblemType(400, "malformed_json", "The body is not valid JSON"),
    InvalidRequest: ProblemType(422, "invalid_request", "The request is invalid"),
}

_SLUGS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "content_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    503: "unavailable",
}


def problem(  # noqa: PLR0913 - the members of a problem, by name
    status: int,
    slug: str,
    title: str,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Return an application/problem+json response (RFC 9457 section 3); `extra` cannot replace its own members."""
    body: dict[str, Any] = dict(extra or {})
    body |= {"type": URN + slug, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if request_id := current_request_id():
        body["request_id"] = request_id
    response = Response(json.dumps(body), status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def http_problem_type(status: int) -> ProblemType:
    """Return the kind of the problems that werkzeug's errors with this status become."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    slug = _SLUGS.get(status, title.lower().replace(" ", "_").replace("-", "_").replace("'", ""))
    return ProblemType(status, slug, title)


def _http_problem(error: HTTPException) -> Response | HTTPException:
    """Return werkzeug's errors as problems; redirects and errors with a response pass unchanged."""
    status = error.code
    if error.response is not None or status is None or status < 400:  # noqa: PLR2004 - where errors begin
        return error
    kind = http_problem_type(status)
    headers = {k: v for k, v in error.get_headers() if k.lower() not in {"content-type", "content-length"}}
    detail = None if status >= 500 else error.description  # noqa: PLR2004 - server errors
    return problem(status, kind.slug, kind.title, detail=detail, headers=headers)


def _typed_problem(error: Exception, kind: ProblemType) -> Response:
    retry_after = getattr(error, "retry_after", None)
    if retry_after is None:
        retry_after = kind.retry_after
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    detail = str(error) if kind.detail is None else kind.detail
    return problem(
        kind.status,
        kind.slug,
        kind.title,
        detail=detail,
        headers=headers,
        extra=getattr(error, "extra", None),
    )


def _reason(error: Exception) -> str:
    """Return the reason in one line for the log, from the database's driver if it has one."""
    if isinstance(error, UpstreamUnavailable) and error.reason:
        return f"{type(error).__name__}: {error.service}: {error.reason}"
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]


def install(app: Flask, table: Mapping[type[Exception], ProblemType]) -> None:
    """Respond with a problem to every error of this app.

    A class of `table` covers its subclasses unless they have their own row; `str(error)` is the detail,
    `error.retry_after` (seconds) becomes Retry-After, `error.extra` (a dict) adds members. An error without a row is
    an opaque 500 with the request id; its traceback is for the log alone.
    """

    def from_row(error: Exception) -> Response:
        kind = next(table[cls] for cls in type(error).__mro__ if cls in table)
        if kind.status >= 500:  # noqa: PLR2004 - the server's own errors
            _log.warning("answered with a server error", slug=kind.slug, reason=_reason(error))
        return _typed_problem(error, kind)

    def unknown(error: Exception) -> Response:
        _log.error("unexpected error", exc_info=error)
        return problem(
            500, "internal_error", "Internal error", detail="An unexpected error occurred and was logged."
        )

    for cls in table:
        app.register_error_handler(cls, from_row)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, unknown)
