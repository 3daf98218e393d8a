"""Conditional, cacheable and long-polled responses (RFC 9110 section 13, RFC 7240)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask import Response, request

from auth_service.web.long_polling import LongPolls, preferred_wait
from auth_service.web.openapi import Responses

NOT_MODIFIED: Responses = {304: {"description": "The document has not changed since `If-None-Match`."}}


@dataclass(frozen=True, slots=True)
class Document:
    """A published document: `read` returns body and ETag, `etag` the ETag alone.

    `refresh` gets the ETags that a client knows and this process does not: another process may have a newer version.
    """

    read: Callable[[], tuple[bytes, str]]
    etag: Callable[[], str]
    refresh: Callable[[Collection[str]], None]
    media_type: str
    max_age: int
    weak: bool = False


def conditional_response(long_polls: LongPolls, document: Document) -> Response:
    """Return the document; with `If-None-Match` and `Prefer: wait=N`, wait until it changes."""
    known = request.if_none_match
    if known and not known.contains_weak(document.etag()):
        document.refresh(known.as_set(include_weak=True))
    wait = preferred_wait(request.headers.get("Prefer"))
    waited = long_polls.hold(wait, lambda: not known.contains_weak(document.etag()))
    body, etag = document.read()
    response = Response(body, content_type=document.media_type)
    response.set_etag(etag, weak=document.weak)
    response.headers["Cache-Control"] = f"public, max-age={document.max_age}"
    if waited:
        response.headers["Preference-Applied"] = f"wait={wait}"
    response.make_conditional(request)
    return response
