"""Headers of a service's response: those removed and those added before the client gets them."""

import re

from gateway.headers import HOP_BY_HOP, Headers

_TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_REMOVED = HOP_BY_HOP | {b"server", b"date", b"x-powered-by", b"x-request-id", b"alt-svc", b"server-timing"}
_MAX_NAMES = 512
NO_BODY = frozenset({204, 304})

SECURITY_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"server", b"touchstone"),  # else the server adds its own name
)
HSTS = (b"strict-transport-security", b"max-age=31536000")


class ResponseHeaders:
    """Removes hop-by-hop and revealing headers, and adds each header of `security` that the service did not set."""

    def __init__(self, security: Headers = SECURITY_HEADERS) -> None:
        self._security = dict(security)
        # The kind and the lower-case name, by the name as spelled; services use few.
        self._kinds: dict[bytes, tuple[str, bytes]] = {}

    def __call__(self, status: int, headers: Headers) -> list[tuple[bytes, bytes]]:
        """Return the headers for the client, names in lower case."""
        kept: list[tuple[bytes, bytes]] = []
        own: list[bytes] = []
        named: list[bytes] = []
        has_length = False
        for spelled, value in _clean(headers):
            kind, name = self._kinds.get(spelled) or self._kind(spelled)
            if kind == "drop":
                continue
            if kind == "length":
                if status in NO_BODY or has_length or not value.isdigit():
                    continue
                has_length = True
            elif kind == "security":
                own.append(name)
            elif kind == "connection":
                named += [token.strip().lower() for token in value.split(b",")]
                continue
            kept.append((name, value))
        if named:
            kept = [header for header in kept if header[0] not in named]
        if own:
            return kept + [header for header in self._security.items() if header[0] not in own]
        kept += self._security.items()
        return kept

    def _kind(self, spelled: bytes) -> tuple[str, bytes]:
        name = spelled.lower()
        if name in _REMOVED:
            kind = "connection" if name == b"connection" else "drop"
        elif not _TOKEN.fullmatch(name) or name.startswith(b"access-control-"):  # see cors.py
            kind = "drop"
        elif name == b"content-length":
            kind = "length"
        else:
            kind = "security" if name in self._security else "pass"
        if len(self._kinds) < _MAX_NAMES:
            self._kinds[spelled] = kind, name
        return kind, name


def _clean(headers: Headers) -> Headers:
    """Return the headers without those whose value has a control character."""
    if not _CONTROL.search(b"".join([value for _, value in headers])):
        return headers
    return [header for header in headers if not _CONTROL.search(header[1])]


def merged(headers: Headers, cors: Headers) -> list[tuple[bytes, bytes]]:
    """Return a response's headers with these; the names of `Vary` are joined, of others the value is replaced."""
    added = dict(cors)
    own = [name.strip() for key, value in headers if key == b"vary" for name in value.split(b",")]
    if own and b"vary" in added:
        added[b"vary"] = b", ".join(dict.fromkeys((*own, b"Origin")))
    return [header for header in headers if header[0] not in added] + list(added.items())
