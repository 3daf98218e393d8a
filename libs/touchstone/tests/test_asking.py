"""One question: that its answer is bounded in time as a whole, also where it comes a byte at a time."""

import contextlib
import datetime as dt
import socket
import ssl
import threading

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from touchstone.following.fetch import ask, plain_session
from urllib3.exceptions import HTTPError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"


class Slow:
    """A server that sends `first` at once, and then a header that never ends, a byte every 20 ms."""

    def __init__(self, first, context=None):
        self._first, self._context = first, context
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        raw, _ = self._listener.accept()
        with raw if self._context is None else self._context.wrap_socket(raw, server_side=True) as client:
            client.recv(65_536)
            try:
                client.sendall(self._first)
                while not self._closed.wait(0.02):
                    client.sendall(b"x")
            except OSError:
                pass  # the client has had enough

    def close(self):
        self._closed.set()
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def slow():
    """Start slow servers; stop them at the end."""
    started = []

    def start(*args):
        started.append(Slow(*args))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def certificate(signing_key, tmp_path):
    """A certificate of 127.0.0.1's own, with its key, in one file."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder(name, name, signing_key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(1))
        .not_valid_after(today + dt.timedelta(1))
        .add_extension(address, critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    key = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(key + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(
    "first", [b"", HEAD, b"HTTP/1.1 304 Not Modified\r\nETag: "], ids=["nothing", "200", "304"]
)
def test_a_head_that_trickles_is_given_up(slow, first):
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        plain_session().get(f"http://127.0.0.1:{slow(first).port}", stream=True, timeout=(2, 0.3))


def test_so_is_one_over_tls(slow, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    session = plain_session()
    session.verify = str(certificate)
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        session.get(f"https://localhost:{slow(HEAD, context).port}", stream=True, timeout=(2, 0.3))


def test_without_a_time_out_there_is_one_all_the_same(server, answer):
    server.plan(answer(body=b"one"))
    assert plain_session().get(server.url).content == b"one"


def test_an_answer_in_time_is_read(server, answer):
    server.plan(answer(body=b"one", headers={"ETag": '"1"', "Cache-Control": "max-age=7"}))
    told = ask(plain_session(), server.url, None, wait=True, max_bytes=3)
    assert (told.body, told.etag, told.max_age, told.applied, told.held) == (b"one", '"1"', 7, False, False)


@pytest.fixture
def saying():
    """`saying(data)`: the address of a server that answers one request with these bytes and hangs up."""
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
def test_answer_that_is_cut_off_is_no_document(saying, rest):
    url = saying(b'HTTP/1.1 200 OK\r\nETag: "1"\r\n' + rest)

    with pytest.raises((ValueError, requests.RequestException, HTTPError)):
        ask(plain_session(), url, None, wait=False, max_bytes=1000)


def test_answer_that_ends_with_its_connection_is_read(saying):
    told = ask(
        plain_session(), saying(b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT), None, wait=False, max_bytes=1000
    )

    assert told.body == DOCUMENT
