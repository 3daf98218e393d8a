"""The real process: `python -m gateway`."""

import contextlib
import queue
import signal
import socket
import ssl
import threading
import warnings
from datetime import UTC, datetime

import pytest
import requests
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from gateway.settings import Settings
from pydantic import ValidationError
from service_kit.settings import load
from testkit.cluster import free_ports
from testkit.concurrency import wait_for
from testkit.upstream import HttpServer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_serves_until_signal(launch, ready, tmp_path, number):
    port, metrics = free_ports(2)
    process = launch(GATEWAY_PORT=str(port), GATEWAY_METRICS_PORT=str(metrics))
    url = f"http://127.0.0.1:{port}"

    assert ready(f"{url}/readyz", process)
    requests.get(f"{url}/nowhere?password=secret", timeout=5)
    counted = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=5).text
    process.send_signal(number)

    assert process.wait(15) == 0
    assert 'route="unmatched",status="404"' in counted
    assert 'touchstone_document_version{document="jwks"} 1.0' in counted
    said = (tmp_path / "log").read_text()
    assert '"path": "/nowhere"' in said
    assert "secret" not in said


def test_invalid_setting_is_named(launch, tmp_path):
    process = launch(GATEWAY_PORT="http", RATE_LIMIT_LOGIN="often")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "GATEWAY_PORT" in said
    assert "RATE_LIMIT_LOGIN" in said
    assert "Traceback" not in said


BROKEN = """
[upstreams.example-service]
settings = "EXAMPLE"
port = 8084

[[routes]]
path = "/orders"
methods = ["GET"]
upstream = "example-service"

[[routes]]
path = "/parts"
methods = ["GET"]
upstream = "stock"
"""


def test_faults_of_routes_are_named_with_others(launch, tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN)
    process = launch(GATEWAY_PORT="http", ROUTES_FILE="more.toml")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "  ROUTES_FILE: more.toml: /orders: routes.toml: /orders is a row for GET, HEAD already\n" in said
    assert "  ROUTES_FILE: more.toml: /parts: upstream: there is none of the name stock\n" in said
    assert "GATEWAY_PORT" in said
    assert "Traceback" not in said


def test_address_of_added_upstream_is_checked(launch, tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])
    process = launch(EXAMPLE_URL="ftp://x", EXAMPLE_PORT="0", ROUTES_FILE="more.toml")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "EXAMPLE_URL" in said
    assert "EXAMPLE_PORT" in said


def test_address_of_upstream_is_its_url_or_port(tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])

    urls = [
        Settings.read(routes_file=tmp_path / "more.toml", **given).urls()["example-service"]
        for given in ({}, {"example_port": 9000}, {"example_port": 9000, "example_url": "http://i:1/"})
    ]

    assert urls == ["http://127.0.0.1:8084", "http://127.0.0.1:9000", "http://i:1"]


def test_settings_of_upstreams_may_be_secret_files(tmp_path):
    (tmp_path / "routes_file").write_text(str(tmp_path / "more.toml"))
    (tmp_path / "example_url").write_text("http://example")
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])

    assert load(Settings.read, secrets_dir=tmp_path).urls()["example-service"] == "http://example"


class Events(HttpServer):
    """A service whose answer to /events is a stream of server-sent events, each sent when a test adds it to `queue`.

    Its answer to any other path never comes. `begun` is set with the first event, `ended` when the caller has gone.
    """

    def __init__(self):
        self.queue = queue.Queue()
        self.begun, self.ended, self.closing = threading.Event(), threading.Event(), threading.Event()
        super().__init__()

    def respond(self, request):
        if request.path != "/events":
            self.closing.wait(20)
            return 200, {"Content-Length": "0"}, []
        return 200, {"Content-Type": "text/event-stream", "Connection": "close"}, self.events()

    def events(self):
        try:
            while not self.closing.is_set():
                with contextlib.suppress(queue.Empty):
                    yield self.queue.get(timeout=0.05)
                    self.begun.set()
        finally:
            self.ended.set()

    def close(self):
        self.closing.set()
        super().close()


EVENTS = """
[[routes]]
path = "/events"
methods = ["GET"]
upstream = "orders-service"
kind = "stream"
timeout = 0.5
idle_timeout = 1.5

[[routes]]
path = "/slow"
methods = ["GET"]
upstream = "orders-service"
timeout = 0.5
"""


@pytest.fixture
def streaming(launch, ready, tmp_path):
    """The URL of a gateway with the routes above, and the service behind them."""
    (tmp_path / "more.toml").write_text(EVENTS)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with Events() as service:
        process = launch(GATEWAY_PORT=str(port), ROUTES_FILE="more.toml", ORDERS_URL=service.url)
        assert ready(f"{url}/readyz", process)
        yield url, service


def test_stream_outlasts_timeout_of_answers(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        parts = response.iter_content(None)
        got = [next(parts)]
        for number in (b"1", b"2", b"3"):
            late = requests.get(f"{url}/slow", timeout=10).status_code  # comes after the same timeout
            service.queue.put(b"data: %b\n\n" % number)
            got.append(next(parts))

    assert (response.headers["Content-Type"], late) == ("text/event-stream", 504)
    assert got == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]


def test_stream_idle_too_long_is_cut(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        parts = response.iter_content(None)

        assert next(parts) == b"data: 0\n\n"
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
            next(parts)


def test_stream_client_gone_ends_the_call(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        next(response.iter_content(None))
    for _ in range(200):
        service.queue.put(b"data: more\n\n")
        if service.ended.wait(0.05):
            break

    assert service.ended.is_set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_limit_client", "x"),
        ("rate_limit_client", "0/minute"),
        ("rate_limit_account", "1000001/minute"),
        ("valkey_url", "carrier-pigeon://"),
        ("valkey_url", "valkey://host?unknown=1"),
        ("valkey_url", "valkeys://127.0.0.1:1?ssl_cert_reqs=bogus"),
        ("gateway_metrics_port", 0),
        ("gateway_host", "gateway.invalid"),
        ("keys_dir", "/no/such/folder"),
        ("keys_dir", "/" + "x" * 5000),
    ],
)
def test_settings_are_validated(name, value):
    with pytest.raises(ValidationError):
        Settings(**{name: value})


def test_file_of_bff_keys_must_be_readable(tmp_path):
    file = tmp_path / "gateway" / "bff_keys"
    file.parent.mkdir()
    assert Settings(keys_dir=tmp_path).bff_keys is None
    file.symlink_to(file)  # a loop; root could read a file without permissions

    with pytest.raises(ValidationError, match="bff_keys in KEYS_DIR cannot be read"):
        Settings(keys_dir=tmp_path)


PASSWORD = BestAvailableEncryption(b"secret")


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    """A folder with a certificate of localhost and its key, an expired certificate, another key and an encrypted one."""
    folder, ca = tmp_path_factory.mktemp("pems"), trustme.CA()
    issued, other = ca.issue_cert("localhost"), ca.issue_cert("localhost")
    expired = ca.issue_cert(
        "localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC), not_before=datetime(2019, 1, 1, tzinfo=UTC)
    )
    ca.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    other.private_key_pem.write_to_path(folder / "other.pem")
    expired.cert_chain_pems[0].write_to_path(folder / "expired.pem")
    expired.private_key_pem.write_to_path(folder / "expired-key.pem")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    (folder / "encrypted.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PASSWORD))
    (folder / "empty.pem").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("certificate", "key", "named"),
    [
        ("missing.pem", "key.pem", "GATEWAY_TLS_CERT"),
        ("cert.pem", "missing.pem", "GATEWAY_TLS_KEY"),
        ("cert.pem", None, "GATEWAY_TLS_KEY"),
        (None, "key.pem", "GATEWAY_TLS_KEY"),
        ("cert.pem", "other.pem", "GATEWAY_TLS_KEY"),
        ("cert.pem", "encrypted.pem", "GATEWAY_TLS_KEY"),
        ("cert.pem", "empty.pem", "GATEWAY_TLS_KEY"),
        ("empty.pem", "key.pem", "GATEWAY_TLS_KEY"),
        ("expired.pem", "expired-key.pem", "GATEWAY_TLS_KEY"),
    ],
)
def test_wrong_tls_file_is_named(pems, certificate, key, named):
    files = {"gateway_tls_cert": certificate, "gateway_tls_key": key}
    with pytest.raises(ValidationError) as caught:
        Settings(**{name: pems / file for name, file in files.items() if file})

    assert [str(fault["loc"][0]) for fault in caught.value.errors()] == [named.lower()]


def test_wrong_tls_file_stops_the_start(launch, pems, tmp_path):
    """An encrypted key asks for no password."""
    files = {"GATEWAY_TLS_CERT": str(pems / "cert.pem"), "GATEWAY_TLS_KEY": str(pems / "encrypted.pem")}
    process = launch(GATEWAY_PORT="http", **files)

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "GATEWAY_TLS_KEY" in said
    assert "GATEWAY_PORT" in said


@pytest.fixture
def handshake(launch, pems):
    """`handshake(protocols, version)`: the protocol and version of TLS that the process agrees to."""
    (port,) = free_ports(1)
    files = {"GATEWAY_TLS_CERT": str(pems / "cert.pem"), "GATEWAY_TLS_KEY": str(pems / "key.pem")}
    process = launch(GATEWAY_PORT=str(port), **files)

    def connect(protocols, version):
        context = ssl.create_default_context(cafile=pems / "ca.pem")
        context.set_alpn_protocols(protocols)
        context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", port), 20) as line,
            context.wrap_socket(line, server_hostname="localhost") as secure,
        ):
            return secure.selected_alpn_protocol(), secure.version()

    def listens():
        assert process.poll() is None
        return accepts(port)

    wait_for(listens)
    return connect


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def test_tls_version_and_protocol(handshake):
    v1_2, v1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

    assert handshake(["h2", "http/1.1"], v1_3) == ("h2", "TLSv1.3")
    assert handshake(["http/1.1"], v1_2) == ("http/1.1", "TLSv1.2")
    with warnings.catch_warnings(action="ignore"), pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(["http/1.1"], ssl.TLSVersion.TLSv1_1)
