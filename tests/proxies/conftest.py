"""One cluster that trusts 127.0.0.1 as its proxy, a certificate, and the proxies of deploy/proxies in front of it."""

import http.client
import json
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from testkit.cluster import DEMO_PASSWORD, free_ports
from testkit.external_programs import server_process
from testkit.forked_cluster import ForkedCluster

PROXY = "127.0.0.1"  # the address from which proxies, and tests in their place, connect to the gateway
FILES = Path(__file__).parents[2] / "deploy" / "proxies"


@dataclass(frozen=True)
class Response:
    """Status, headers with names in lower case, and body of a response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server at this port of 127.0.0.1, called from any loopback address on a new connection each time."""

    port: int
    tls: ssl.SSLContext | None = None

    def __call__(
        self, method: str, path: str, body: Any = None, *, source: str = PROXY, **headers: str
    ) -> Response:
        where: dict[str, Any] = {"timeout": 20, "source_address": (source, 0)}
        connection: http.client.HTTPConnection = (
            http.client.HTTPConnection("localhost", self.port, **where)
            if self.tls is None
            else http.client.HTTPSConnection("localhost", self.port, context=self.tls, **where)
        )
        data = None if body is None else json.dumps(body).encode()
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **lines})
            answer = connection.getresponse()
            return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def log_in(
        self, password: str = DEMO_PASSWORD, email: str = "alice@example.com", **options: str
    ) -> Response:
        return self("POST", "/login", {"email": email, "password": password}, **options)


@pytest.fixture(scope="package")
def certificate(tmp_path_factory) -> Path:
    """A folder with the certificate of localhost: cert.pem, key.pem, both.pem, and ca.pem of its issuer."""
    folder, ca = tmp_path_factory.mktemp("certificate"), trustme.CA()
    issued = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    return folder


@pytest.fixture(scope="package")
def cluster() -> Iterator[ForkedCluster]:
    with ForkedCluster(only={"gateway": {"TRUSTED_PROXIES": f"{PROXY},192.0.2.0/24"}}) as running:
        yield running


@pytest.fixture(scope="package")
def gateway(cluster) -> Server:
    return Server(cluster.ports["gateway"])


@pytest.fixture(scope="package")
def last_address(gateway) -> Callable[[], str]:
    """`last_address()`: the client's address of the last log-in in the audit log, before that of this call."""
    admin = gateway.log_in(email="admin@example.com", X_Forwarded_For="198.51.100.99").json()
    token = f"Bearer {admin['access_token']}"
    path = "/admin/audit?event=logged_in&limit=1"
    return lambda: gateway("GET", path, Authorization=token).json()["items"][0]["address"]


def nginx(folder: Path, certificate: Path, port: int, gateway: int) -> list[str]:
    text = (FILES / "nginx.conf").read_text()
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{gateway}"
    )
    text = text.replace("/etc/ssl/auth.example.com.pem", f"{certificate}/cert.pem")
    (folder / "nginx.conf").write_text(
        text.replace("/etc/ssl/auth.example.com.key", f"{certificate}/key.pem")
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def haproxy(folder: Path, certificate: Path, port: int, gateway: int) -> list[str]:
    text = (FILES / "haproxy.cfg").read_text()
    text = text.replace("bind :443", f"bind 127.0.0.1:{port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{gateway}"
    )
    (folder / "haproxy.cfg").write_text(
        text.replace("/etc/ssl/auth.example.com.pem", f"{certificate}/both.pem")
    )
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def caddy(folder: Path, certificate: Path, port: int, gateway: int) -> list[str]:
    text = (FILES / "Caddyfile").read_text()
    text = text.replace("https://auth.example.com:443", f"https://localhost:{port}")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{gateway}")
    text = text.replace("/etc/ssl/auth.example.com.pem", f"{certificate}/cert.pem")
    (folder / "Caddyfile").write_text(text.replace("/etc/ssl/auth.example.com.key", f"{certificate}/key.pem"))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(scope="package")
def start_proxy(cluster, certificate, tmp_path_factory) -> Iterator[Callable[[str], Server]]:
    """`start_proxy(name)`: the proxy with its file of deploy/proxies, of which only ports and certificates differ."""
    running: dict[str, Server] = {}
    commands = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "ca.pem"))
        patch.setenv("PATH", os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))

        def start(name: str) -> Server:
            if name not in running:
                if shutil.which(name) is None:
                    pytest.skip(f"needs {name}: apt-get install {name}")
                (port,) = free_ports(1)
                folder = tmp_path_factory.mktemp(name)
                command = commands[name](folder, certificate, port, cluster.ports["gateway"])
                environment = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
                stack.enter_context(
                    server_process(
                        command,
                        f"https://localhost:{port}/livez",
                        200,
                        folder=folder,
                        environment=environment,
                    )
                )
                running[name] = Server(port, ssl.create_default_context(cafile=certificate / "ca.pem"))
            return running[name]

        yield start


@pytest.fixture(params=["nginx", "haproxy", "caddy"])
def proxy(request, start_proxy) -> Server:
    return start_proxy(request.param)
