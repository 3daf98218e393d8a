"""Request bodies: complete, in time and within the size limit, or an error, under every server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import SHUT_RD
from typing import Any

from werkzeug import Request, exceptions
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    LengthRequired,
    RequestEntityTooLarge,
    RequestTimeout,
)

# In the WSGI environment: the error of the body that service_kit.server.asgi has read, or None.
FAULT = "service_kit.web.request_body.fault"
# Servers whose input raises OSError for a truncated chunked body; others end it as if it were complete.
_DETECT_TRUNCATED_CHUNKS = ("Werkzeug/", "gunicorn/")
_SOCKETS = ("werkzeug.socket", "gunicorn.socket")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits of a body: its size in bytes, and the seconds in which it must arrive."""

    size: int
    seconds: float

    def too_large(self) -> HTTPException:
        """Return the error for a body above the size."""
        return RequestEntityTooLarge(f"A body may have at most {self.size} bytes.")

    def too_slow(self) -> HTTPException:
        """Return the error for a body that did not arrive in time."""
        return RequestTimeout(f"The body did not arrive within {self.seconds:g} seconds.")


def incomplete() -> HTTPException:
    """Return the error for a truncated body, or one with malformed chunks."""
    return BadRequest("The body did not arrive completely.")


def announced_length(length: str | None, coding: str | None) -> int | None:
    """Return the length in bytes that the headers announce, None if the body is chunked.

    Raise BadRequest if `Content-Length` is no number, NotImplemented (501) for another transfer coding than `chunked`
    (RFC 9112 section 6.1).
    """
    if coding:
        if coding.strip().lower() != "chunked":
            raise exceptions.NotImplemented("The only supported transfer coding is chunked.")
        return None
    text = length or "0"
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Content-Length is not a number.")
    return int(text)


def read(request: Request, limits: BodyLimits) -> None:
    """Read the whole body into the request before the view runs.

    Raise BadRequest (400) if it is incomplete, RequestTimeout (408), RequestEntityTooLarge (413), and LengthRequired
    (411) for a chunked body under a server that does not detect truncated ones.
    """
    environ = request.environ
    if FAULT in environ:
        if (fault := environ[FAULT]) is not None:
            raise fault
        return
    length = announced_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
    if length == 0:
        return
    if length is None:
        if not environ.get("SERVER_SOFTWARE", "").startswith(_DETECT_TRUNCATED_CHUNKS):
            raise LengthRequired("This server accepts no chunked bodies; send a Content-Length.")
    elif length > limits.size:
        raise limits.too_large()
    else:
        environ.pop("wsgi.input_terminated", None)  # then werkzeug raises for a short body
    with _in_time(environ, limits):
        body = request.get_data(cache=True)
    if len(body) > limits.size:
        raise limits.too_large()


@contextmanager
def _in_time(environ: dict[str, Any], limits: BodyLimits) -> Iterator[None]:
    """Stop the reading at the time limit by shutting the client's connection down for reading."""
    connection = next((environ[name] for name in _SOCKETS if name in environ), None)
    late = threading.Event()

    def end() -> None:
        late.set()
        if connection is not None:
            connection.shutdown(SHUT_RD)

    timer = threading.Timer(limits.seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except RequestEntityTooLarge:
        raise limits.too_large() from None
    except Exception as error:  # each server has its own for malformed bodies
        raise (limits.too_slow() if late.is_set() else incomplete()) from error
    finally:
        timer.cancel()
