"""Request correlation: X-Request-ID and traceparent (W3C Trace Context) in responses, logs and outgoing calls."""

import re
import secrets
import uuid
from contextvars import ContextVar
from typing import Any

from flask.ctx import _AppCtxGlobals

from service_kit.observability import spans

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_trace: ContextVar[tuple[str, str] | None] = ContextVar("trace", default=None)


def current_request_id() -> str | None:
    """Return the id of the current request, None outside of one."""
    return _request_id.get()


def request_id() -> str:
    """Return the id of the current request; outside of one, a new id."""
    return _request_id.get() or str(uuid.uuid4())


def accepted(value: str | None) -> str:
    """Return the caller's id if it is 1 to 128 characters of A-Z a-z 0-9 . _ -, else a new UUID."""
    return value if value is not None and _ACCEPTED.fullmatch(value) else str(uuid.uuid4())


def parse_traceparent(value: str | None) -> tuple[str, str] | None:
    """Return (trace id, flags) of a valid `traceparent` (W3C Trace Context section 3.2), else None."""
    match = _TRACEPARENT.fullmatch(value) if value else None
    if not match:
        return None
    version, trace, span, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not trace.strip("0") or not span.strip("0"):
        return None
    return trace, flags


def traceparent() -> str:
    """Return a `traceparent` for an outgoing call: the current span; without tracing, the request's trace and a new span."""
    traced = spans.traceparent()
    if traced is not None:
        return traced
    trace, flags = _trace.get() or _begin_trace()
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def _begin_trace() -> tuple[str, str]:
    trace = (secrets.token_hex(16), "00")
    if _request_id.get() is not None:
        _trace.set(trace)
    return trace


def bind(request_id: str, trace: tuple[str, str] | None) -> None:
    """Set the request id and trace of this thread, or of this task of an event loop."""
    _request_id.set(request_id)
    _trace.set(trace)


def bind_environ(environ: dict[str, Any]) -> str:
    """Bind the id of a WSGI request, else a new one, and its trace; return the id."""
    name = accepted(environ.get("HTTP_X_REQUEST_ID"))
    bind(name, parse_traceparent(environ.get("HTTP_TRACEPARENT")))
    return name


def unbind() -> None:
    """End the request of this thread or task."""
    _request_id.set(None)
    _trace.set(None)


class Globals(_AppCtxGlobals):
    """Flask's `g` with the id, for other extensions."""

    request_id = property(lambda _: current_request_id())
