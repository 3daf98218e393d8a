"""Whose certificates are trusted, which way is taken, and what is told when it fails; over real TLS."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from touchstone import Issuer
from touchstone.following.follower import Follower

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
COMPANY = "a CA of a company"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in (*VARIABLES, *PROXIES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    return trustme.CA(organization_name=COMPANY)


@pytest.fixture(scope="module")
def bundle(company, tmp_path_factory):
    """A file with the company's CA certificate."""
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    company.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def hashed(bundle, tmp_path_factory):
    """A folder of CA certificates as `openssl rehash` makes it."""
    folder = tmp_path_factory.mktemp("hashed")
    command = ["openssl", "x509", "-hash", "-noout", "-in", bundle]
    name = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    shutil.copy(bundle, folder / f"{name}.0")
    return folder


class Site:
    """Answers every request with the same document, over TLS if it has a certificate."""

    def __init__(self, body, certificate=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_args: None  # clients that do not trust it hang up
        self.port = self._server.server_address[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site(mint, company):
    """`site(name)`: an issuer's site over TLS, with a certificate of the company for that name."""
    running = []

    def start(certificate=None, body=None):
        certificate = certificate or company.issue_cert("127.0.0.1", "localhost")
        running.append(Site(mint.jwks() if body is None else body, certificate))
        return running[-1]

    yield start
    for each in running:
        each.close()


def attempt(url, **settings):
    """Return the health of an issuer after its first attempt."""
    issuer = Issuer(url, audience="a", **settings)
    issuer.documents.wait_first(None, 10)
    issuer.close()
    return issuer.health()


# --- trust ----------------------------------------------------------------------------------------------------


def test_named_ca_is_trusted(site, bundle, hashed):
    url = f"https://127.0.0.1:{site().port}"
    context = ssl.create_default_context(cafile=bundle)
    for ca in (bundle, str(bundle), hashed, str(hashed), context):
        assert attempt(url, ca=ca)["keys"] == 1


@pytest.mark.parametrize("name", VARIABLES)
def test_environment_variable_names_ca(site, bundle, hashed, monkeypatch, name):
    monkeypatch.setenv(name, str(hashed if name == "SSL_CERT_DIR" else bundle))
    assert attempt(f"https://127.0.0.1:{site().port}")["keys"] == 1


def test_ssl_cert_dir_folders_are_combined(site, hashed, tmp_path, monkeypatch):
    shutil.copytree(hashed, tmp_path / "one")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'one'}{os.pathsep}{hashed}")
    assert attempt(f"https://127.0.0.1:{site().port}")["keys"] == 1


def test_argument_overrides_environment(site, bundle, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    url = f"https://127.0.0.1:{site().port}"
    assert attempt(url, ca=bundle)["keys"] == 1
    assert attempt(url)["keys"] == 0


@pytest.mark.parametrize("name", VARIABLES)
def test_variable_without_file_is_reported(site, monkeypatch, name):
    monkeypatch.setenv(name, "/no/such/place")
    told = attempt(f"https://127.0.0.1:{site().port}")["last_error"]
    assert told == f"CertificatesError: {name} names a file that does not exist: /no/such/place"


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("held", ["", "no certificate", "\x30\x82"])
def test_variable_without_certificates_is_reported(site, monkeypatch, tmp_path, name, held):
    place = tmp_path / "ca.pem"
    place.write_text(held, "latin-1")
    monkeypatch.setenv(name, str(place))
    told = attempt(f"https://127.0.0.1:{site().port}")["last_error"]
    assert told == f"CertificatesError: {name} cannot be read as CA certificates: {place} (SSLError)"


def test_plain_http_needs_no_certificates(server, answer, mint, monkeypatch):
    server.plan(answer(200, mint.jwks()))
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/place")
    assert attempt(server.url)["keys"] == 1


def test_folder_without_hashed_names_is_refused(tmp_path, bundle):
    shutil.copy(bundle, tmp_path)
    with pytest.raises(ValueError, match="openssl rehash"):
        Issuer("https://issuer.example", audience="a", ca=tmp_path)


# --- what is told ---------------------------------------------------------------------------------------------


def test_unknown_ca_is_reported(site):
    told = attempt(f"https://127.0.0.1:{site().port}")["last_error"]
    assert told == "SSLError: certificate verify failed: unable to get local issuer certificate"


def test_certificate_of_other_name_is_reported(site, company, bundle):
    url = f"https://localhost:{site(company.issue_cert('elsewhere.example')).port}"
    told = attempt(url, ca=bundle)["last_error"]
    assert told.startswith("SSLError: certificate verify failed: Hostname mismatch")


def test_expired_certificate_is_reported(site, company, bundle):
    import datetime as dt

    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = company.issue_cert("127.0.0.1", not_before=past, not_after=past + dt.timedelta(days=1))
    told = attempt(f"https://127.0.0.1:{site(certificate).port}", ca=bundle)["last_error"]
    assert told == "SSLError: certificate verify failed: certificate has expired"


def test_server_without_tls_is_reported(server):
    told = attempt(server.url.replace("http:", "https:"))["last_error"]
    assert told.startswith("SSLError: TLS failed: ")


def test_refused_connection_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert attempt(f"http://127.0.0.1:{port}")["last_error"] == "ConnectionError: Connection refused"


def test_unknown_host_is_reported():
    told = attempt("http://issuer.invalid")["last_error"]
    assert told == "ConnectionError: the name of the host is not known"


def test_truncated_response_is_reported(server, answer):
    server.plan(answer(200, b"{", {"Content-Length": "0"}, before=lambda: 1 / 0))
    told = attempt(server.url)["last_error"]
    assert told == "ConnectionError: the connection was closed before the whole response had come"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, b"{}", "BadResponseError: answered 404"),
        (200, b"<html>", "JSONDecodeError: the response is not JSON"),
        (200, b"\xff", "ValueError: not UTF-8"),
        (200, b"[]", "ValueError: not a JWK Set"),
        (200, b'{"keys": []}', "ValueError: the JWK Set has no usable key"),
    ],
)
def test_unusable_response_is_reported(server, answer, status, body, told):
    server.plan(answer(status, body))
    assert attempt(server.url)["last_error"] == told


def test_silent_server_is_reported(make_clock):
    import requests

    class Silent(requests.adapters.BaseAdapter):
        def send(self, *args, **kwargs):
            raise requests.ReadTimeout("http://user:secret@host")

        def close(self):
            pass

    def session():
        made = requests.Session()
        made.mount("http://", Silent())
        return made

    follower = Follower("http://issuer.example", bytes, session=session, clock=make_clock())
    follower.poll()
    follower.close()
    assert follower.last_error == "ReadTimeout: timed out"


# --- proxies --------------------------------------------------------------------------------------------------


class Proxy:
    """Tunnels and forwards, for those with the right password."""

    def __init__(self, password=None):
        self.asked = []
        self._password = password
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            method, target, _ = head.split(b"\r\n")[0].split(b" ")
            self.asked.append((method.decode(), target.decode()))
            expected = b"Basic " + b64encode(f"user:{self._password}".encode())
            if self._password is not None and expected not in head:
                client.sendall(b"HTTP/1.1 407 secret words\r\nContent-Length: 0\r\n\r\n")
                return
            place = target.decode().removeprefix("http://").partition("/")[0]
            host, _, port = place.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                if method == b"CONNECT":
                    client.sendall(b"HTTP/1.1 200 go\r\n\r\n")
                else:
                    server.sendall(head)
                back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server)
                back.join()

    @staticmethod
    def _copy(source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy():
    running = []

    def start(password=None):
        running.append(Proxy(password))
        return running[-1]

    yield start
    for each in running:
        each.close()


def test_proxy_is_used(site, server, answer, mint, proxy, bundle):
    server.plan(answer(200, mint.jwks()))
    through, secure = proxy("pass"), site()
    way = f"http://user:pass@127.0.0.1:{through.port}"
    assert attempt(f"https://127.0.0.1:{secure.port}", proxy=way, ca=bundle)["keys"] == 1
    assert attempt(server.url, proxy=way)["keys"] == 1
    assert through.asked == [
        ("CONNECT", f"127.0.0.1:{secure.port}"),
        ("GET", f"{server.url}/.well-known/jwks.json"),
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_refusing_proxy_is_reported_without_password(proxy, scheme, caplog):
    way = f"http://user:hunter2@127.0.0.1:{proxy('another').port}"
    told = attempt(f"{scheme}://issuer.example", proxy=way)["last_error"]
    assert told == (
        "BadResponseError: answered 407" if scheme == "http" else "ProxyError: the proxy answered 407"
    )
    assert "hunter2" not in caplog.text + told
    assert "secret words" not in caplog.text + told


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_absent_proxy_is_reported_without_password(scheme, caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = attempt(f"{scheme}://issuer.example", proxy=f"http://user:hunter2@127.0.0.1:{port}")["last_error"]
    assert told == "ProxyError: Connection refused"
    assert "hunter2" not in caplog.text


def test_tls_proxy_is_checked_by_same_ca(site, bundle):
    way = f"https://127.0.0.1:{site().port}"
    unknown = attempt("http://issuer.example", proxy=way)["last_error"]
    assert unknown == "ProxyError: certificate verify failed: unable to get local issuer certificate"
    assert attempt("http://issuer.example", proxy=way, ca=bundle)["keys"] == 1


@pytest.mark.parametrize("name", PROXIES)
def test_environment_proxies_are_not_used(server, answer, mint, proxy, monkeypatch, name):
    server.plan(answer(200, mint.jwks()))
    through = proxy()
    monkeypatch.setenv(name, f"http://127.0.0.1:{through.port}")
    assert attempt(server.url)["keys"] == 1
    assert through.asked == []
