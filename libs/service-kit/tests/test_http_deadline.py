"""An answer has one deadline, with TLS and without."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from service_kit.http_deadline import adapter


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with the key and the certificate of 127.0.0.1, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "here.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def server(certificate):
    """`server(scheme, pieces)`: answers one request piece by piece, a tenth of a second apart; gives its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    threads = []

    def serve(scheme, pieces):
        connection, _ = listening.accept()
        # The client may leave early.
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_until_then:
            open_until_then.enter_context(connection)
            if scheme == "https":
                connection = open_until_then.enter_context(context.wrap_socket(connection, server_side=True))
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.1)

    def start(scheme, pieces):
        threads.append(threading.Thread(target=serve, args=(scheme, pieces), daemon=True))
        threads[-1].start()
        return f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/"

    yield start
    listening.close()
    for thread in threads:
        thread.join(10)


@pytest.fixture
def get(certificate):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificate)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter(0.5))
        yield lambda url: session.get(url, timeout=(2, 2))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_in_time_is_read_whole(server, get, scheme):
    url = server(scheme, [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"])

    assert get(url).text == "ok"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_body_that_trickles_is_cut_off(server, get, scheme):
    url = server(scheme, [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100])

    with pytest.raises(requests.RequestException):
        get(url)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_headers_that_trickle_are_cut_off(server, get, scheme):
    url = server(scheme, [b"HTTP/1.1 200 OK\r\n", *[b"X-More: x\r\n"] * 60, b"\r\n"])

    with pytest.raises(requests.RequestException):
        get(url)


def test_whom_nobody_vouches_for_is_not_spoken_to(server):
    url = server("https", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"])

    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", adapter(0.5))
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url, timeout=(2, 2))
