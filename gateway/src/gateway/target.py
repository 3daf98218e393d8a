"""One canonical path, or 400: what the request line asks for has exactly one spelling here."""

import re
from functools import lru_cache

from gateway.errors import Refusal

MAX_TARGET = 8192
_SEGMENT = rb"(?!\.{1,2}(?:[/?]|\Z))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+"
# A path: no empty segment but a last one, no `.`, `..`, `\`, `;`. A query: printable ASCII without `#`, `\` and blanks.
_ORIGIN_FORM = re.compile(rb"(/|(?:/" + _SEGMENT + rb")+/?)(?:\?([!-\"$-\[\]-~]*))?")
# Escapes that have a plain spelling, or stand for what a decoder further in would take for structure.
_ESCAPES = re.compile(
    rb"%(?:[01][0-9A-Fa-f]|2[DdEeFf5]|3[0-9BbFf]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf])"
)


@lru_cache(maxsize=1024)  # most requests ask for what others have asked for
def canonical(target: bytes) -> tuple[str, bytes | None]:
    """Return path and raw query (None: no `?`) of a request target in origin form (RFC 9112 section 3.2.1).

    The path is what was sent, to the byte; it is routed and passed on unchanged. Raises Refusal (400, or 414 past
    8,192 bytes) for every other form, and for a path that some decoder might read as another one.
    """
    if len(target) > MAX_TARGET:
        raise Refusal("uri_too_long", f"A request target has at most {MAX_TARGET} bytes.")
    match = _ORIGIN_FORM.fullmatch(target)
    if match is None:
        raise Refusal("bad_target", "The request target has a form that is not accepted here.")
    path, query = match.groups()
    if b"%" in path and _ESCAPES.search(path):
        raise Refusal("bad_target", "The path holds an escape that is not accepted here.")
    return path.decode("ascii"), query
