"""The request target: exactly one spelling of each path is accepted."""

import re
from functools import lru_cache

from gateway.errors import Refusal

MAX_TARGET = 8192  # bytes
_SEGMENT = rb"(?!\.{1,2}(?:[/?]|\Z))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+"
# Path: no empty segment but the last, no `.`, `..`, `\`, `;`. Query: printable ASCII without `#`, `\` and blanks.
_ORIGIN_FORM = re.compile(rb"(/|(?:/" + _SEGMENT + rb")+/?)(?:\?([!-\"$-\[\]-~]*))?")
# Escapes of characters that need none, or that another decoder could take for structure.
_ESCAPES = re.compile(
    rb"%(?:[01][0-9A-Fa-f]|2[DdEeFf5]|3[0-9BbFf]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf])"
)


@lru_cache(maxsize=1024)
def canonical(target: bytes) -> tuple[str, bytes | None]:
    """Return path and raw query (None: no `?`) of a request target in origin form (RFC 9112 section 3.2.1).

    The path is returned, routed and passed on byte for byte as received. Raise Refusal for any other form and for a
    path that a decoder might read as another one (400), and for more than 8,192 bytes (414).
    """
    if len(target) > MAX_TARGET:
        raise Refusal("uri_too_long", f"A request target may have at most {MAX_TARGET} bytes.")
    match = _ORIGIN_FORM.fullmatch(target)
    if match is None:
        raise Refusal("bad_target", "The request target must be a path without empty or dot segments.")
    path, query = match.groups()
    if b"%" in path and _ESCAPES.search(path):
        raise Refusal("bad_target", "The path contains a percent-encoding that is not allowed.")
    return path.decode("ascii"), query
