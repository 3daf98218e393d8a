"""A response has one deadline, with TLS and without; certificates are checked."""

import contextlib
import itertools
import socket
import ssl
import threading
import time

import pytest
import requests
from touchstone import tls
from touchstone.following.transport import plain_session

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server(company):
    """`server(scheme, pieces)`: sends one response, a piece every 20 ms; returns its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(scheme, pieces):
        connection, _ = listener.accept()
        # The client may hang up early.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if scheme == "https":
                connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
            connection.recv(65_536)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.02)

    def start(scheme, pieces):
        threads.append(threading.Thread(target=serve, args=(scheme, pieces)))
        threads[-1].start()
        return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    listener.close()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("timeout", [(2, 2), None], ids=str)
def test_response_in_time_is_read(server, bundle, scheme, timeout):
    url = server(scheme, [OK + b"Content-Length: 2\r\n\r\n", b"ok"])

    with plain_session(ca=bundle) as session:
        assert session.get(url, timeout=timeout).text == "ok"


@pytest.mark.parametrize("limits", [{"deadline": 0.3}, {"timeout": 0.3}], ids=["deadline", "read time-out"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "pieces",
    [
        [b"x"],
        [OK + b"Content-Length: 3\r\n", b"x"],
        [b"HTTP/1.1 304 Not Modified\r\nETag: ", b"x"],
        [OK, b"X-More: x\r\n"],
        [OK + b"Content-Length: 1000\r\n\r\n", b"x"],
    ],
    ids=["status line", "head", "head of a 304", "headers", "body"],
)
def test_trickling_response_is_cut_off(server, bundle, limits, scheme, pieces):
    url = server(scheme, itertools.chain(pieces[:-1], itertools.repeat(pieces[-1])))  # without an end

    timeout = (2, limits.get("timeout", 2))
    refused = pytest.raises((requests.ConnectionError, requests.ReadTimeout))
    with plain_session(ca=bundle, deadline=limits.get("deadline")) as session, refused:
        session.get(url, timeout=timeout)


def test_response_after_deadline_is_not_read(server, bundle):
    url = server("http", [OK + b"Content-Length: 2\r\n\r\n", b"ok"])

    with plain_session(ca=bundle, deadline=1e-9) as session, pytest.raises(requests.ReadTimeout):
        session.get(url, timeout=(2, 2))


def test_deadline_holds_with_own_tls_context(server, bundle):
    url = server("https", [OK, *[b"X-More: x\r\n"] * 100])

    with plain_session(ca=tls.context(bundle), deadline=0.3) as session, pytest.raises(requests.ReadTimeout):
        session.get(url, timeout=(2, 2))


def test_untrusted_certificate_is_rejected(server):
    url = server("https", [OK + b"Content-Length: 2\r\n\r\n", b"ok"])

    with plain_session() as session, pytest.raises(requests.exceptions.SSLError):
        session.get(url, timeout=(2, 2))
