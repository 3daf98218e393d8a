"""A conditional GET: only a whole response is a document."""

import contextlib
import socket
import threading

import pytest
import requests
from touchstone.following.fetch import fetch
from touchstone.following.transport import plain_session
from urllib3.exceptions import HTTPError


def test_response_is_read(server, response):
    server.plan(response(body=b"one", headers={"ETag": '"1"', "Cache-Control": "max-age=7"}))
    response = fetch(plain_session(), server.url, None, wait=True, max_bytes=3)
    assert (response.body, response.etag, response.max_age, response.wait_applied, response.held) == (
        b"one",
        '"1"',
        7,
        False,
        False,
    )


@pytest.fixture
def sending():
    """`sending(data)`: the URL of a server that sends these bytes to one request and closes."""
    with contextlib.ExitStack() as stack:

        def start(data):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                client, _ = listener.accept()
                with client:
                    client.recv(65_536)
                    client.sendall(data)

            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join, 10)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


DOCUMENT = b'{"keys": []}'
CHUNK = b"%x\r\n%b\r\n" % (len(DOCUMENT), DOCUMENT)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 13\r\n\r\n" + DOCUMENT,
        b"Content-Length: 13\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK,
        b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + DOCUMENT,
        b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"xyz\r\n",
    ],
    ids=["length", "length, no body", "no last chunk", "half a chunk", "broken chunk"],
)
def test_truncated_response_is_refused(sending, rest):
    url = sending(b'HTTP/1.1 200 OK\r\nETag: "1"\r\n' + rest)

    with pytest.raises((ValueError, requests.RequestException, HTTPError)):
        fetch(plain_session(), url, None, wait=False, max_bytes=1000)


def test_response_ended_by_close_is_read(sending):
    response = fetch(
        plain_session(), sending(b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT), None, wait=False, max_bytes=1000
    )

    assert response.body == DOCUMENT
