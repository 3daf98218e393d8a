"""Answering with a document that others follow: conditional, cacheable, and held while it is what they know."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from auth_service.web.long_polling import LongPolls, preferred_wait

UNCHANGED: dict[Any, Any] = {304: {"description": "The document has not changed since `If-None-Match`."}}


@dataclass(frozen=True, slots=True)
class Followed:
    """A document and how it is answered: ``read`` gives body and ETag, ``etag`` the latter alone, more cheaply.

    ``catch_up`` is told of tags that are not the document's: another process may have given it out in a newer state.
    """

    read: Callable[[], tuple[bytes, str]]
    etag: Callable[[], str]
    catch_up: Callable[[Collection[str]], None]
    media_type: str
    max_age: int
    weak: bool = False


def answer(waits: LongPolls, document: Followed) -> Response:
    """Give the document; with `If-None-Match` and `Prefer: wait=N` (RFC 7240) hold the answer until it changes."""
    known = request.if_none_match
    if known and not known.contains_weak(document.etag()):
        document.catch_up(known.as_set(include_weak=True))
    wait = preferred_wait(request.headers.get("Prefer"))
    waited = waits.hold(wait, lambda: not known.contains_weak(document.etag()))
    body, etag = document.read()
    response = Response(body, content_type=document.media_type)
    response.set_etag(etag, weak=document.weak)
    response.headers["Cache-Control"] = f"public, max-age={document.max_age}"
    if waited:
        response.headers["Preference-Applied"] = f"wait={wait}"
    response.make_conditional(request)
    return response
