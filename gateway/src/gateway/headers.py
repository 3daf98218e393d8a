"""What is dropped from a request's headers, and what is set."""

import os
import re
from collections.abc import Sequence

from service_kit.requestid import accepted, parse_traceparent

from gateway.errors import Refusal

Headers = Sequence[tuple[bytes, bytes]]
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32 * 1024

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding"
    b" upgrade http2-settings".split()
)
# Read here and set anew, or never to be believed from outside.
_OURS = frozenset(
    b"host content-length expect x-request-id traceparent forwarded x-real-ip x-client-ip x-cluster-client-ip client-ip"
    b" true-client-ip cf-connecting-ip x-http-method x-http-method-override x-method-override remote-user".split()
)
_DROPPED_PREFIXES = (
    b"x-forwarded", b"forwarded", b"x-real-ip", b"x-user", b"x-original", b"x-rewrite",
    b"x-remote", b"x-authenticated", b"x-accel", b"x-sendfile", b"proxy",
)  # fmt: skip
_ONCE = frozenset({b"authorization", b"host", b"content-length"})
_PLAIN_NAME = re.compile(rb"[a-z0-9-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

_FRAMING = frozenset(b"host content-length transfer-encoding connection expect x-request-id".split())

_PASS, _DROP, _READ = 0, 1, 2
_verdicts: dict[bytes, int] = {}
_MAX_VERDICTS = 512


def new_id() -> str:
    """Return a request id."""
    return os.urandom(16).hex()


def _verdict(name: bytes) -> int:
    """Judge a lower-case name once; strangers cannot make the memory of it grow past its bound."""
    if not _PLAIN_NAME.fullmatch(name):
        verdict = _DROP  # `_`, `.` and the like: another spelling, to some server, of a name that is dropped
    elif name in _ONCE or name in (
        b"connection",
        b"transfer-encoding",
        b"expect",
        b"x-request-id",
        b"traceparent",
        b"prefer",
    ):
        verdict = _READ
    elif name in HOP_BY_HOP or name in _OURS or name.startswith(_DROPPED_PREFIXES):
        verdict = _DROP
    else:
        verdict = _PASS
    if len(_verdicts) < _MAX_VERDICTS:
        _verdicts[name] = verdict
    return verdict


class Inbound:
    """A request's headers, read once: what goes on, and what the door itself has to know.

    `names` in `raw` are lower-case. `refuse` says what is wrong with them, once the request has its id.
    """

    __slots__ = (
        "_bytes",
        "_count",
        "_found",
        "_hop_named",
        "_repeated",
        "lines",
        "request_id",
        "traceparent",
    )

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
                    found[name] += b"," + value
        self.lines = lines
        self._found, self._repeated, self._bytes, self._count = found, repeated, size, len(raw)
        given = found.get(b"x-request-id")
        self.request_id = new_id() if given is None else accepted(given.decode("latin-1"))
        self.traceparent = found.get(b"traceparent")
        connection = found.get(b"connection")
        if connection is not None and connection.lower() not in (b"close", b"keep-alive"):
            self._drop_named(connection)

    def _drop_named(self, connection: bytes) -> None:
        """Drop whatever `Connection` names (RFC 9110 section 7.6.1), but not what frames the message."""
        named = {token.strip().lower().replace(b"_", b"-") for token in connection.split(b",")}
        self.lines = [line for line in self.lines if _name_of(line) not in named]
        for name in named - _FRAMING:
            self._found.pop(name, None)

    @property
    def authorization(self) -> bytes | None:
        """The one Authorization header."""
        return self._found.get(b"authorization")

    @property
    def host(self) -> bytes | None:
        """The one Host header."""
        return self._found.get(b"host")

    @property
    def prefer(self) -> bytes | None:
        """What the client prefers (RFC 7240), passed on only where a route can wait."""
        return self._found.get(b"prefer")

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks, of a length that only its end tells."""
        return b"transfer-encoding" in self._found

    @property
    def content_length(self) -> int | None:
        """The declared length of the body in bytes."""
        value = self._found.get(b"content-length")
        return None if value is None else int(value)

    def refuse(self, http_version: str) -> None:
        """Raise Refusal if the headers as a whole are not acceptable."""
        if http_version not in ("1.1", "1.0"):
            raise Refusal("http_version_not_supported", "HTTP/1.1 is spoken here.", close=True)
        if self._count > MAX_HEADERS or self._bytes > MAX_HEADER_BYTES:
            detail = f"A request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes in all."
            raise Refusal("request_header_fields_too_large", detail, close=True)
        if self._repeated is not None:
            raise Refusal(
                "duplicate_header", f"{self._repeated.decode().title()} may appear once.", close=True
            )
        host = self.host
        if (host is None and http_version != "1.0") or (host is not None and not _HOST.fullmatch(host)):
            raise Refusal("bad_request", "A request has one Host header that names a host.", close=True)
        if _CONTROL.search(b"\t".join((*self._found.values(), *self.lines))):
            raise Refusal("bad_request", "A header holds a control character.", close=True)
        length = self._found.get(b"content-length")
        if length is not None and not (length.isdigit() and len(length) < 16):  # noqa: PLR2004 - digits of any sane size
            raise Refusal("bad_request", "Content-Length is not a number.", close=True)
        if self._found.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise Refusal("bad_request", "The only transfer coding is chunked.", close=True)
        expect = self._found.get(b"expect")
        if expect is not None and expect.lower() != b"100-continue":
            raise Refusal("expectation_failed", "Only 100-continue can be expected.", close=True)

    def onward(self, client: str, scheme: str) -> list[bytes]:
        """Return the header lines of the request to the service: what passes, and the true origin of it."""
        lines = self.lines
        authorization, host, trace = self.authorization, self.host, self.traceparent
        if authorization is not None:
            lines.append(b"authorization: " + authorization)
        if host is not None:
            lines.append(b"x-forwarded-host: " + host)
        if trace is not None and parse_traceparent(trace.decode("latin-1")):
            lines.append(b"traceparent: " + trace)
        lines.append(f"x-forwarded-for: {client}".encode())
        lines.append(f"x-forwarded-proto: {scheme}".encode())
        lines.append(f"x-request-id: {self.request_id}".encode())
        return lines


def _name_of(line: bytes) -> bytes:
    return line.partition(b":")[0]
