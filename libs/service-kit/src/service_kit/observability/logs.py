"""Logs: JSON lines on stdout, without secrets."""

import json
import logging
import re
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

import structlog
from flask import Request
from structlog.typing import EventDict, Processor, WrappedLogger

from service_kit.observability import spans
from service_kit.observability.request_id import current_request_id
from service_kit.observability.stdout import stdout

REDACTED = "[redacted]"
MAX_DEPTH = 6
QUIET_PATHS = frozenset({"/livez", "/readyz", "/metrics"})

_SECRET_KEY = re.compile(
    r"passw|token(?!_id|_type|_endpoint)|authorization|cookie|secret|assertion|credential|database_url|dsn|private_key"
    r"|api_key|^(code|otp|pin|code_verifier|jwt|bearer)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    # a JWT, signed or encrypted; or any text as long, with or without dots: a longer look-ahead takes quadratic time
    r"eyJ(?:[\w-]{64,}+(?:\.[\w-]*+)*+|[\w-]{5,63}\.[\w-]*+\.[\w-]*+(?:\.[\w-]*+)*+)"
    r"|\b(?:Bearer|Basic|DPoP)[ ]+[\w.~+/=:-]+"  # credentials as a header carries them
    r"|(?<=://)[^\s/@:]*:[^\s/@]*(?=@)"  # user and password in a URL
    r"|(?<=password=)[^\s&]+|(?<=token=)[^\s&]+|(?<=secret=)[^\s&]+|(?<=assertion=)[^\s&]+|(?<=[?&]code=)[^\s&]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)


_HINT = re.compile("eyj|bearer|basic|dpop|://|=|-----begin", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def redact(value: Any, depth: int = 0) -> Any:
    """Return the value without secrets: those with a secret's key, and those that a text contains."""
    if type(value) is str:  # first, as most values are
        return _redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return "[too deep]" if depth >= MAX_DEPTH else _redact_members(value, depth + 1)
    return _redact_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def _redact_text(text: str) -> str:
    # The search for a hint takes a tenth of the pattern's time, and most texts have none.
    return _SECRET_TEXT.sub(REDACTED, text) if _HINT.search(text) else text


def _redact_members(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {
            str(k): REDACTED if v is not None and _is_secret(str(k)) else redact(v, depth)
            for k, v in value.items()
        }
    return [redact(item, depth) for item in value]


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    redacted: MutableMapping[str, Any] = redact(event)
    return redacted


def _name_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    request_id = current_request_id()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    trace_id = spans.trace_id()
    if trace_id is not None:
        event["trace_id"] = trace_id
    return event


_LINE = (
    '{"method": %s, "path": %s, "status": %d, "duration_ms": %.2f%s, "event": "request", "request_id": %s%s, "service": %s,'
    ' "level": "%s", "timestamp": "%sZ"}'
)
_encode = json.JSONEncoder(default=str).encode


def _dumps(event: EventDict, **_options: Any) -> str:
    return _encode(event)


class _Lines:
    """Writes events to stdout, one line each."""

    def __init__(self, *_args: Any) -> None:
        pass

    def msg(self, line: str) -> None:
        stdout.write(line + "\n")

    log = debug = info = warning = warn = error = critical = exception = fatal = msg


class _Configured:
    """The arguments of the last `configure`."""

    service = ""
    threshold = logging.INFO


_configured = _Configured()


class _FromLogging(logging.Handler):
    """Writes the log records of libraries, which use the standard library's logging, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"logger": record.name}
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            structlog.get_logger().log(record.levelno, record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 - logging must never stop the work
            self.handleError(record)


def configure(level: str, service: str) -> None:
    """Write this process's logs to stdout as JSON lines with the service's name; a second call replaces the first."""

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    threshold = logging.getLevelNamesMapping()[level]
    _configured.service, _configured.threshold = service, threshold
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _name_request,
        name_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _FromLogging)]:
        root.removeHandler(handler)
    root.addHandler(_FromLogging())
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its request lines would repeat ours


def write_request(request: Request, status: int, seconds: float) -> None:
    """Write the line of a request, in the form of any other event.

    A template is faster than structlog's processors; of its fields only the path can hold a secret.
    """
    quiet = request.path in QUIET_PATHS
    if (logging.DEBUG if quiet else logging.INFO) < _configured.threshold:
        return
    claims = request.environ.get("touchstone.claims")  # of the token, if one was verified
    trace_id = spans.trace_id()
    values = (
        _quoted(request.method),
        _quoted(redact(request.path)),
        status,
        seconds * 1000,
        "" if claims is None else f', "sub": {_quoted(claims.subject)}',
        _quoted(current_request_id() or ""),
        "" if trace_id is None else f', "trace_id": "{trace_id}"',
        _quoted(_configured.service),
        "debug" if quiet else "info",
        datetime.now(UTC).isoformat()[:-6],
    )
    stdout.write(_LINE % values + "\n")
