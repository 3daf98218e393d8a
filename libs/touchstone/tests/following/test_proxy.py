"""Fetching through a proxy: the named one, and none of the environment."""

import socket
import threading
from base64 import b64encode
from contextlib import suppress

import pytest

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class Proxy:
    """An HTTP proxy that tunnels and forwards, and checks the password if it has one."""

    def __init__(self, password=None):
        self.requests = []
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
            self.requests.append((method.decode(), target.decode()))
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


def test_proxy_is_used(health, site, server, response, signer, proxy, bundle):
    server.plan(response(200, signer.jwks()))
    through, secure = proxy("pass"), site()
    way = f"http://user:pass@127.0.0.1:{through.port}"
    assert health(f"https://127.0.0.1:{secure.port}", proxy=way, ca=bundle)["keys"] == 1
    assert health(server.url, proxy=way)["keys"] == 1
    assert through.requests == [
        ("CONNECT", f"127.0.0.1:{secure.port}"),
        ("GET", f"{server.url}/.well-known/jwks.json"),
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_refusing_proxy_is_reported_without_password(health, proxy, scheme, caplog):
    way = f"http://user:hunter2@127.0.0.1:{proxy('another').port}"
    error = health(f"{scheme}://issuer.example", proxy=way)["last_error"]
    assert error == (
        "BadResponseError: answered 407" if scheme == "http" else "ProxyError: the proxy answered 407"
    )
    assert "hunter2" not in caplog.text + error
    assert "secret words" not in caplog.text + error


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_absent_proxy_is_reported_without_password(health, scheme, caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = health(f"{scheme}://issuer.example", proxy=f"http://user:hunter2@127.0.0.1:{port}")["last_error"]
    assert error == "ProxyError: Connection refused"
    assert "hunter2" not in caplog.text


def test_tls_proxy_is_checked_by_same_ca(health, site, bundle):
    way = f"https://127.0.0.1:{site().port}"
    unknown = health("http://issuer.example", proxy=way)["last_error"]
    assert unknown == "ProxyError: certificate verify failed: unable to get local issuer certificate"
    assert health("http://issuer.example", proxy=way, ca=bundle)["keys"] == 1


@pytest.mark.parametrize("name", VARIABLES)
def test_environment_proxies_are_not_used(health, server, response, signer, proxy, monkeypatch, name):
    server.plan(response(200, signer.jwks()))
    through = proxy()
    monkeypatch.setenv(name, f"http://127.0.0.1:{through.port}")
    assert health(server.url)["keys"] == 1
    assert through.requests == []
