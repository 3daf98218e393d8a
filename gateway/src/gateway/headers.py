"""Request headers: checked, removed, or passed on to the service."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import getrandbits

from service_kit.observability.request_id import accepted, parse_traceparent

from gateway.errors import Refusal

Headers = Sequence[tuple[bytes, bytes]]
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32 * 1024

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding"
    b" upgrade http2-settings".split()
)
# Set by the gateway, or not to be trusted from a client.
_NOT_PASSED = frozenset(
    b"host content-length expect x-request-id traceparent forwarded x-real-ip x-client-ip x-cluster-client-ip client-ip"
    b" true-client-ip cf-connecting-ip x-http-method x-http-method-override x-method-override remote-user".split()
)
_DROPPED_PREFIXES = (
    b"x-forwarded", b"forwarded", b"x-real-ip", b"x-user", b"x-original", b"x-rewrite",
    b"x-remote", b"x-authenticated", b"x-accel", b"x-sendfile", b"proxy",
)  # fmt: skip
# Of the gateway itself, with http and with https: passed to no service.
SESSION_COOKIES = ((b"session", b"session_login"), (b"__Host-session", b"__Host-session_login"))
_OWN_COOKIES = frozenset(name for names in SESSION_COOKIES for name in names)
_ONCE = frozenset({b"authorization", b"host", b"content-length"})
_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"})
_USED = (
    _ONCE
    | _FORWARDED
    | frozenset(b"connection transfer-encoding expect x-request-id traceparent prefer origin cookie".split())
)
_NO_COOKIES: Mapping[bytes, bytes] = {}
_PLAIN_NAME = re.compile(rb"[a-z0-9-]+")
_CONTROLS = bytes((*range(0x09), *range(0x0A, 0x20), 0x7F))
_LENGTH = re.compile(rb"[0-9]{1,15}")
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

# Kept where `Connection` names them: they frame the message, or name the client.
_KEPT = _FORWARDED | frozenset(
    b"host content-length transfer-encoding connection expect x-request-id".split()
)

_PASS, _DROP, _READ = 0, 1, 2
_verdicts: dict[bytes, int] = {}
_MAX_VERDICTS = 512
_recent: "dict[tuple[tuple[bytes, bytes], ...], RequestHeaders]" = {}
_MAX_RECENT, _MAX_RECENT_BYTES = 512, 4096  # requests, and bytes of each


def new_id() -> str:
    """Return a request id: random, but no secret."""
    return f"{getrandbits(128):032x}"


def _verdict(name: bytes) -> int:
    """Return what to do with a header of this lower-case name, and remember it up to a bound."""
    if not _PLAIN_NAME.fullmatch(name):
        verdict = _DROP  # some servers read `_` or `.` as `-`: this could be a dropped name
    elif name in _USED:
        verdict = _READ
    elif name in HOP_BY_HOP or name in _NOT_PASSED or name.startswith(_DROPPED_PREFIXES):
        verdict = _DROP
    else:
        verdict = _PASS
    if len(_verdicts) < _MAX_VERDICTS:
        _verdicts[name] = verdict
    return verdict


def request_headers(raw: Headers) -> "RequestHeaders":
    """Return the headers of a request: the same object for equal ones, as a client repeats them in each request."""
    key = tuple(raw)
    headers = _recent.get(key)
    if headers is None:
        headers = RequestHeaders(key)
        if headers.size <= _MAX_RECENT_BYTES:
            if len(_recent) >= _MAX_RECENT:
                _recent.clear()
            _recent[key] = headers
    return headers


class RequestHeaders:
    """The headers of a request, which do not change: `lines` to pass on, and those that the gateway uses itself.

    Names in `raw` must be lower-case; `size` is in bytes. `check` is separate, as a refusal needs the request id.
    """

    __slots__ = ("_checked_as", "_count", "_found", "_given_id", "_onward", "_repeated", "authorization", "content_length", "expects",
                 "has_body", "host", "lines", "origin", "own_cookies", "prefer", "size", "traceparent")  # fmt: skip

    def __init__(self, raw: Headers) -> None:
        lines: list[bytes] = []
        found: dict[bytes, bytes] = {}
        repeated: bytes | None = None
        size = 0
        for name, value in raw:
            size += len(name) + len(value)
            verdict = _verdicts.get(name)
            if verdict is None:
                verdict = _verdict(name)
            if verdict == _PASS:
                lines.append(name + b": " + value)
            elif verdict == _READ:
                if name not in found:
                    found[name] = value
                elif name in _ONCE:
                    repeated = name
                else:
                    found[name] += (b"; " if name == b"cookie" else b",") + value  # RFC 9113 section 8.2.3
        self.lines = lines
        self._found, self._repeated, self.size, self._count = found, repeated, size, len(raw)
        self._checked_as = ""  # the HTTP version for which they were accepted
        connection = found.get(b"connection")
        if connection is not None and connection.lower() not in (b"close", b"keep-alive"):
            self._drop_named(connection)
        get = found.get
        self.authorization = get(b"authorization")
        self.host = get(b"host") or None  # the server adds an empty one where there is none
        self.traceparent = get(b"traceparent")
        self.origin = get(b"origin")
        self.prefer = get(b"prefer")  # RFC 7240; passed on only by routes with long polling
        self.expects = b"expect" in found  # the client waits before it sends its body
        length = get(b"content-length")
        self.content_length = int(length) if length is not None and _LENGTH.fullmatch(length) else None
        self.has_body = bool(self.content_length) or b"transfer-encoding" in found
        self._given_id = get(b"x-request-id")
        self.own_cookies, cookie = _cookies(found.get(b"cookie"))
        used = (
            (b"authorization", self.authorization),
            (b"origin", self.origin),
            (b"x-forwarded-host", self.host),
            (b"cookie", cookie),
        )
        self._onward = [*self.lines, *(name + b": " + value for name, value in used if value is not None)]

    def request_id(self) -> str:
        """Return the id that the client has given, if it is well-formed, else a new one."""
        return new_id() if self._given_id is None else accepted(self._given_id.decode("latin-1"))

    def _drop_named(self, connection: bytes) -> None:
        """Drop the headers that `Connection` names (RFC 9110 section 7.6.1), except those in _KEPT."""
        named = {token.strip().lower().replace(b"_", b"-") for token in connection.split(b",")}
        self.lines = [line for line in self.lines if _name_of(line) not in named]
        for name in named - _KEPT:
            self._found.pop(name, None)

    def check(self, http_version: str) -> None:
        """Raise Refusal (400, 417, 431) if the headers are not acceptable."""
        if self._checked_as == http_version:
            return
        found = self._found
        if self._count > MAX_HEADERS or self.size > MAX_HEADER_BYTES:
            detail = (
                f"A request may have at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of headers."
            )
            raise Refusal("request_header_fields_too_large", detail)
        if self._repeated is not None:
            raise Refusal("duplicate_header", f"{self._repeated.decode().title()} may appear only once.")
        if http_version != "1" if self.host is None else not _is_host(self.host):
            raise Refusal("bad_request", "A request must have one Host header with a valid host.")
        text = b"".join((*found.values(), *self.lines))
        if len(text.translate(None, _CONTROLS)) != len(text):
            raise Refusal("bad_request", "A header contains a control character.")
        if self.content_length is None and b"content-length" in found:
            raise Refusal("bad_request", "Content-Length must be a number.")
        coding = found.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or self.content_length is not None):
            raise Refusal("bad_request", "The only supported framing is one Content-Length, or chunked.")
        if found.get(b"expect", b"100-continue").lower() != b"100-continue":
            raise Refusal("expectation_failed", "The only supported expectation is 100-continue.")
        self._checked_as = http_version

    def used(self, name: bytes) -> str:
        """Return the values of a header that the gateway uses itself, joined with commas; empty if there is none."""
        return self._found.get(name, b"").decode("latin-1")

    def value(self, name: bytes) -> bytes:
        """Return the values of a header that is passed on, in lower case, joined with commas."""
        return b",".join(line.partition(b":")[2] for line in self.lines if _name_of(line) == name).lower()

    def forwarded(
        self, client: str, scheme: str, request_id: str, traceparent: bytes | None = None
    ) -> list[bytes]:
        """Return the header lines for the service, with the request's true origin in `X-Forwarded-*`."""
        lines = [
            *self._onward,
            f"x-forwarded-for: {client}".encode(),
            f"x-forwarded-proto: {scheme}".encode(),
            f"x-request-id: {request_id}".encode(),
        ]
        if traceparent is not None and parse_traceparent(traceparent.decode("latin-1")):
            lines.append(b"traceparent: " + traceparent)
        return lines


def _cookies(header: bytes | None) -> tuple[Mapping[bytes, bytes], bytes | None]:
    """Return the gateway's own cookies, a repeated one with an empty value, and the header without them."""
    if header is None:
        return _NO_COOKIES, None
    own: dict[bytes, bytes] = {}
    others = []
    for part in header.split(b";"):
        name, _, value = part.strip(b" \t").partition(b"=")
        if name in _OWN_COOKIES:
            own[name] = b"" if name in own else value
        else:
            others.append(part.strip(b" \t"))
    return own, b"; ".join(others) or None


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _name_of(line: bytes) -> bytes:
    return line.partition(b":")[0]
