"""Headers of a service's response: those removed and those added before the client gets them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.headers import HOP_BY_HOP, Headers

_TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Header lines without control characters.
_CLEAN = re.compile(rb"(?:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*")
_REMOVED = HOP_BY_HOP | {b"server", b"date", b"x-powered-by", b"x-request-id", b"alt-svc", b"server-timing"}
_DROPPED = ("drop", "connection")
_MAX_NAMES = 512
NO_BODY = frozenset({204, 304})

SECURITY_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")


def encode(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return headers as the lines of a message head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def decode(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Return the lines of a message head as headers, names in lower case."""
    split = [line.partition(b":") for line in lines.split(b"\r\n")[:-1]]
    return [(name.lower(), value.strip()) for name, _, value in split]


class HeaderLines(NamedTuple):
    """The header lines of a response, and whether they hold a Content-Length."""

    head: bytes
    has_length: bool


class ResponseHeaders:
    """Removes hop-by-hop and revealing headers, and adds each header of `security` that the service did not set."""

    def __init__(self, security: Headers = SECURITY_HEADERS) -> None:
        self._security = dict(security)
        self._security_lines = encode(security)
        self._kinds: dict[bytes, str] = {}  # by name as spelled; services use few

    def __call__(self, status: int, headers: Headers) -> HeaderLines:
        """Return the header lines for the client."""
        lines: list[bytes] = []
        own: list[bytes] = []
        named: list[bytes] = []
        has_length = False
        for name, value in headers:
            kind = self._kinds.get(name) or self._kind(name)
            if kind == "length":
                if status in NO_BODY or has_length or not value.isdigit():
                    continue
                has_length = True
            elif kind == "security":
                own.append(name.lower())
            elif kind == "connection":
                named += [token.strip().lower() for token in value.split(b",")]
            if kind not in _DROPPED:
                lines.append(name + b": " + value + b"\r\n")
        if named:
            return self(status, [h for h in headers if h[0].lower() not in (b"connection", *named)])
        head = b"".join(lines)
        if not _CLEAN.fullmatch(head):
            return self(status, [h for h in headers if not _CONTROL.search(h[1])])
        return HeaderLines(head + (self._missing(own) if own else self._security_lines), has_length)

    def _kind(self, name: bytes) -> str:
        lower = name.lower()
        if lower in _REMOVED:
            kind = "connection" if lower == b"connection" else "drop"
        elif not _TOKEN.fullmatch(lower) or lower.startswith(
            b"access-control-"
        ):  # the gateway's own, see cors.py
            kind = "drop"
        elif lower == b"content-length":
            kind = "length"
        else:
            kind = "security" if lower in self._security else "pass"
        if len(self._kinds) < _MAX_NAMES:
            self._kinds[name] = kind
        return kind

    def _missing(self, own: Sequence[bytes]) -> bytes:
        return encode((name, value) for name, value in self._security.items() if name not in own)


def merged(headers: Headers, cors: Headers) -> list[tuple[bytes, bytes]]:
    """Return a response's headers with these; the names of `Vary` are joined, of others the value is replaced."""
    added = dict(cors)
    own = [name.strip() for key, value in headers if key == b"vary" for name in value.split(b",")]
    if own and b"vary" in added:
        added[b"vary"] = b", ".join(dict.fromkeys((*own, b"Origin")))
    return [header for header in headers if header[0] not in added] + list(added.items())
