"""Request bodies under WSGI servers."""

import io
import socket

import pytest
from service_kit.web import request_body
from service_kit.web.request_body import BodyLimits
from werkzeug import Request, exceptions
from werkzeug.exceptions import BadRequest, LengthRequired, RequestEntityTooLarge, RequestTimeout

LIMITS = BodyLimits(100, 5)


class Broken(io.BytesIO):
    """What a server gives for chunks that break off."""

    def read(self, *_args):
        raise LookupError("no more chunks")


def request(body, *, server="Werkzeug/3", **environ):
    source = io.BytesIO(body) if isinstance(body, bytes) else body
    return Request(
        {"wsgi.input": source, "wsgi.input_terminated": True, "SERVER_SOFTWARE": server, **environ}
    )


@pytest.fixture
def read():
    """`read(body, **environ)`: the body as the app sees it."""

    def check(body, limits=LIMITS, **environ):
        asked = request(body, **environ)
        request_body.read(asked, limits)
        return asked.get_data()

    return check


def test_complete_body_is_read(read):
    assert read(b"four", CONTENT_LENGTH="4") == b"four"
    assert read(b"four", HTTP_TRANSFER_ENCODING="Chunked") == b"four"
    assert read(b"", CONTENT_LENGTH="") == b""


@pytest.mark.parametrize(
    ("body", "environ", "error"),
    [
        (b"four", {"CONTENT_LENGTH": "5"}, BadRequest),
        (b"", {"CONTENT_LENGTH": "5"}, BadRequest),
        (b"four", {"CONTENT_LENGTH": "-1"}, BadRequest),
        (b"four", {"CONTENT_LENGTH": "4a"}, BadRequest),
        (b"x" * 101, {"CONTENT_LENGTH": "101"}, RequestEntityTooLarge),
        (b"x" * 101, {"HTTP_TRANSFER_ENCODING": "chunked"}, RequestEntityTooLarge),
        (Broken(), {"HTTP_TRANSFER_ENCODING": "chunked"}, BadRequest),
        (b"four", {"HTTP_TRANSFER_ENCODING": "gzip"}, exceptions.NotImplemented),
        (b"four", {"HTTP_TRANSFER_ENCODING": "chunked", "server": "Granian"}, LengthRequired),
        (b"four", {"HTTP_TRANSFER_ENCODING": "chunked", "server": "unknown"}, LengthRequired),
        (b"", {request_body.FAULT: RequestTimeout()}, RequestTimeout),
    ],
)
def test_other_body_is_refused(read, body, environ, error):
    with pytest.raises(error):
        read(body, **environ)


@pytest.mark.parametrize("name", ["werkzeug.socket", "gunicorn.socket"])
def test_stalled_body_ends_in_time(read, name):
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as stream:
        theirs.sendall(b"two")
        with pytest.raises(RequestTimeout):
            read(stream, BodyLimits(100, 0.01), CONTENT_LENGTH="5", **{name: ours})
