"""The request target: exactly one spelling of each path is accepted."""

import re
from functools import lru_cache

from gateway.errors import Refusal

MAX_TARGET = 8192  # bytes
_SEGMENT = rb"(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+"
# No empty segment but the last, no `.`, `..`, `\`, `;`.
_PATH = re.compile(rb"/|(?:/" + _SEGMENT + rb")+/?")
_QUERY = re.compile(rb"[!-\"$-\[\]-~]*")  # printable ASCII without `#`, `\` and blanks
# Escapes of characters that need none, or that another decoder could take for structure.
_ESCAPES = re.compile(
    rb"%(?:[01][0-9A-Fa-f]|2[DdEeFf5]|3[0-9BbFf]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf])"
)


@lru_cache(maxsize=1024)
def canonical(path: bytes, query: bytes) -> str:
    """Return the path of a request target (RFC 9112 section 3.2) if path and query are acceptable.

    The path is returned, routed and passed on byte for byte as received. Raise Refusal for a path that a decoder might
    read as another one (400), and for more than 8,192 bytes (414).
    """
    if len(path) + len(query) > MAX_TARGET:
        raise Refusal("uri_too_long", f"A request target may have at most {MAX_TARGET} bytes.")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise Refusal("bad_target", "The request target must be a path without empty or dot segments.")
    if b"%" in path and _ESCAPES.search(path):
        raise Refusal("bad_target", "The path contains a percent-encoding that is not allowed.")
    return path.decode("ascii")
