"""Calls over TLS: trusted certificates, proxies, and the log of failures."""

import socket
import ssl

import pytest
import trustme
from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.circuit_breaker import CircuitBreaker
from service_kit.http_client.service_client import ServiceClient
from testkit.upstream import FakeUpstream

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(company, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    company.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def url(company):
    """A service over TLS, with a certificate of the company."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert("127.0.0.1").configure_cert(context)
    with FakeUpstream() as upstream:
        server = upstream._server
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_args: None
        yield f"https://127.0.0.1:{upstream.port}"


def client(url, **settings):
    return ServiceClient(url, name="upstream", breaker=CircuitBreaker(), sleep=lambda _s: None, **settings)


def test_ca_argument_is_trusted(url, bundle):
    assert client(url, ca=bundle).get("/x").status_code == 200


@pytest.mark.parametrize("name", VARIABLES[:3])
def test_ca_variables_are_trusted(url, bundle, monkeypatch, name):
    monkeypatch.setenv(name, str(bundle))
    assert client(url).get("/x").status_code == 200


def test_reason_is_not_in_error_text(url):
    with pytest.raises(UpstreamUnavailable) as failed:
        client(url).get("/x")
    assert (
        failed.value.reason == "SSLError: certificate verify failed: unable to get local issuer certificate"
    )
    assert str(failed.value) == "upstream is not available at the moment."


def test_reason_is_logged(capsys, url, app):
    app.add_url_rule("/onward", view_func=lambda: client(url).get("/x").text)
    answer = app.test_client().get("/onward")
    assert answer.status_code == 503
    assert "unable to get local issuer certificate" in capsys.readouterr().out
    assert "certificate" not in answer.text


def test_refused_connection_is_logged():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UpstreamUnavailable) as failed:
        client(f"http://127.0.0.1:{port}").get("/x")
    assert failed.value.reason == "ConnectionError: Connection refused"


def test_proxy_is_used_and_password_hidden():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UpstreamUnavailable) as failed:
        client("https://upstream.example", proxy=f"http://user:hunter2@127.0.0.1:{port}").get("/x")
    assert failed.value.reason == "ProxyError: Connection refused"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"base_url": "upstream.example"}, "base_url"),
        ({"base_url": "http://up stream"}, "base_url"),
        ({"ca": "/no/such/file"}, "ca"),
        ({"proxy": "socks5://127.0.0.1:1"}, "proxy"),
        ({"proxy": ""}, "proxy"),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused(settings, name):
    with pytest.raises(ValueError, match=name):
        ServiceClient(**{"base_url": "http://upstream.example", **settings})
