"""One real issuer whose keys may turn, one API that trusts its door, and a way to run foreign programs before it."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.cluster import DEMO_PASSWORD
from testkit.mint import Mint
from testkit.preloaded import Cluster

AUDIENCE = "orders-service"
MAX_AGE = 1  # seconds; a key is published for twice as long before it signs


@dataclass(frozen=True)
class Issuer:
    """The auth-service, as its users, its operator and the thief of its key see it."""

    cluster: Cluster
    audience: str = AUDIENCE
    max_age: int = MAX_AGE

    @property
    def name(self) -> str:
        """What `iss` says; everything public is found below it, through the gateway."""
        return self.cluster.issuer

    @property
    def inside(self) -> tuple[str, str]:
        """Host and port where the auth-service is reached from inside."""
        return "127.0.0.1", str(self.cluster.ports["auth-service"])

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


@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    settings = {"RATE_LIMITS": "off", "JWKS_MAX_AGE": str(MAX_AGE)}
    with Cluster(settings, services=["auth-service", "gateway"]) as cluster:
        yield Issuer(cluster)


@pytest.fixture(scope="package")
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
class Launched:
    """A foreign process and where it listens."""

    process: "subprocess.Popen[bytes]"
    url: str


@pytest.fixture(scope="package")
def launch(tmp_path_factory, until) -> Iterator[Callable[..., Launched]]:
    """`launch(command, port, environment)`: run it until the tests of this folder end; returns once it turns away who has no token."""
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
