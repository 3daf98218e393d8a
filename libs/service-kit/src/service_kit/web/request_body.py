"""The body of a request: whole, in time and within its size, or an error, whichever server runs the app."""

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

# What service_kit.server.asgi found wrong with the body that it has read, or None, in the WSGI environment.
FAULT = "service_kit.web.request_body.fault"
# Servers whose input raises OSError where a chunked body breaks off; others end it as if it were whole.
_TELL_WHERE_CHUNKS_END = ("Werkzeug/", "gunicorn/")
_SOCKETS = ("werkzeug.socket", "gunicorn.socket")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How many bytes a body may have, and how many seconds all of it may take."""

    size: int
    seconds: float

    def too_large(self) -> HTTPException:
        """Return the error for a body of more bytes."""
        return RequestEntityTooLarge(f"A body may have at most {self.size} bytes.")

    def too_slow(self) -> HTTPException:
        """Return the error for a body that takes longer."""
        return RequestTimeout(f"The body did not arrive within {self.seconds:g} seconds.")


def incomplete() -> HTTPException:
    """Return the error for a body that ends too early, or whose chunks cannot be read."""
    return BadRequest("The body did not arrive completely.")


def announced_length(length: str | None, coding: str | None) -> int | None:
    """Return how many bytes the headers announce, None if the body is chunked.

    BadRequest: `Content-Length` is no number. NotImplemented (501): another transfer coding than `chunked`
    (RFC 9112 section 6.1).
    """
    if coding:
        if coding.strip().lower() != "chunked":
            raise exceptions.NotImplemented("The only transfer coding is chunked.")
        return None
    text = length or "0"
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Content-Length is not a number.")
    return int(text)


def read(request: Request, limits: BodyLimits) -> None:
    """Read the whole body into the request, before anything is done with it.

    Raises BadRequest (400) if it is incomplete, RequestTimeout (408), RequestEntityTooLarge (413), and LengthRequired
    (411) for a chunked body if the server would not tell that its end is missing.
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
        if not environ.get("SERVER_SOFTWARE", "").startswith(_TELL_WHERE_CHUNKS_END):
            raise LengthRequired("This server cannot tell whether a chunked body is complete.")
    elif length > limits.size:
        raise limits.too_large()
    else:
        environ.pop("wsgi.input_terminated", None)  # werkzeug then counts, and a short body is an error
    with _in_time(environ, limits):
        body = request.get_data(cache=True)
    if len(body) > limits.size:
        raise limits.too_large()


@contextmanager
def _in_time(environ: dict[str, Any], limits: BodyLimits) -> Iterator[None]:
    """End the reading when its time is over, by ending what can be read from the client's connection."""
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
    except Exception as error:  # each server has its own for what a client sends
        raise (limits.too_slow() if late.is_set() else incomplete()) from error
    finally:
        timer.cancel()
