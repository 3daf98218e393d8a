"""Why a request failed: one line for people, without any text of a server, a proxy or a URL."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from socket import gaierror

import requests
from urllib3 import exceptions as urllib3

from touchstone.tls import CertificatesError

_MAX_CAUSES = 20
_PROXY = re.compile(r"Tunnel connection failed: ([0-9]{3})")


def failure_reason(error: Exception) -> str:
    """Return the error's type and its cause, as in `SSLError: certificate verify failed: self-signed certificate`.

    The message of our own errors (a ValueError) is repeated; that of others is not, for it may hold what the server
    sent, or a proxy's password.
    """
    name = type(error).__name__
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, CertificatesError):
            return f"{type(cause).__name__}: {cause}"
        text = _describe(cause)
        if text is not None:
            return f"{name}: {text}"
    own = isinstance(error, ValueError) and not isinstance(
        error, requests.RequestException | urllib3.HTTPError
    )
    return f"{name}: {error}" if own else name


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, outermost first."""
    waiting: list[object] = [error]
    seen: list[object] = []
    while waiting and len(seen) < _MAX_CAUSES:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and not any(each is other for other in seen):
            seen.append(each)
            yield each
            waiting += [*each.args, each.__cause__, None if each.__suppress_context__ else each.__context__]


def _describe(error: BaseException) -> str | None:  # noqa: PLR0911 - a table of kinds
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate verify failed: {error.verify_message}"
        case ssl.SSLError() if error.reason:
            return f"TLS failed: {error.reason.replace('_', ' ').lower()}"
        case gaierror():
            return "the host name cannot be resolved"
        case TimeoutError() | requests.Timeout() | urllib3.TimeoutError():
            return "timed out"
        case HTTPException() | urllib3.ProtocolError():
            return "the connection was closed before the response was complete"
        case json.JSONDecodeError():
            return "the response is not JSON"
        case OSError() if error.errno:
            return os.strerror(error.errno)
        case OSError() if refused := _PROXY.match(str(error)):
            return f"the proxy answered {refused[1]}"
    return None
