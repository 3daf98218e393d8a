"""Servers with TLS, certificates of a company's CA, and an environment without CAs and proxies."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from touchstone import Issuer

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in (*CA_VARIABLES, *PROXY_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(company, tmp_path_factory):
    """A file with the company's CA certificate."""
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    company.cert_pem.write_to_path(path)
    return path


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
def site(signer, company):
    """`site(certificate)`: an issuer's site over TLS; by default with a certificate of the company's CA."""
    running = []

    def start(certificate=None, body=None):
        certificate = certificate or company.issue_cert("127.0.0.1", "localhost")
        running.append(Site(signer.jwks() if body is None else body, certificate))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def health():
    """`health(url, **settings)`: the health of an issuer after its first fetch."""

    def fetch(url, **settings):
        issuer = Issuer(url, audience="a", **settings)
        issuer.documents.wait_first(None, 10)
        issuer.close()
        return issuer.health()

    return fetch
