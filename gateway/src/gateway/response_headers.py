"""What is dropped from a service's answer, and what is set: headers in, header lines out."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.headers import HOP_BY_HOP, Headers

_TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Header lines without a control character in them.
_CLEAN = re.compile(rb"(?:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*")
_NOT_FROM_A_SERVICE = HOP_BY_HOP | {b"server", b"date", b"x-powered-by", b"x-request-id", b"alt-svc"}
_DROPPED = ("drop", "connection")
_NO_BODY = frozenset({204, 304})

SAFE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")


def block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return headers as the lines of a head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def pairs(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Return the lines of a head as headers, names in lower case."""
    split = [line.partition(b":") for line in lines.split(b"\r\n")[:-1]]
    return [(name.lower(), value.strip()) for name, _, value in split]


class Lines(NamedTuple):
    """The header lines of an answer, and whether one of them tells the length of its body."""

    head: bytes
    framed: bool


class Hygiene:
    """Takes from a service's answer what is not for the client, and adds `safe` where it set none."""

    def __init__(self, safe: Headers = SAFE) -> None:
        self._safe = dict(safe)
        self._block = block(safe)
        self._kinds: dict[bytes, str] = {}  # of names as they were spelled; services have few

    def __call__(self, status: int, headers: Headers) -> Lines:
        """Return the header lines for the client."""
        lines: list[bytes] = []
        own: list[bytes] = []
        named: list[bytes] = []
        framed = False
        for name, value in headers:
            kind = self._kinds.get(name) or self._kind(name)
            if kind == "length":
                if status in _NO_BODY or framed or not value.isdigit():
                    continue
                framed = True
            elif kind == "safe":
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
        return Lines(head + (self._rest(own) if own else self._block), framed)

    def _kind(self, name: bytes) -> str:
        lower = name.lower()
        if lower in _NOT_FROM_A_SERVICE:
            kind = "connection" if lower == b"connection" else "drop"
        elif not _TOKEN.fullmatch(lower):
            kind = "drop"
        elif lower == b"content-length":
            kind = "length"
        else:
            kind = "safe" if lower in self._safe else "pass"
        if len(self._kinds) < 512:  # noqa: PLR2004 - a bound, whatever the services send
            self._kinds[name] = kind
        return kind

    def _rest(self, own: Sequence[bytes]) -> bytes:
        return block((name, value) for name, value in self._safe.items() if name not in own)
