"""A cluster that may be broken, services started by hand, and what it takes to act as one of the clients."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from testkit import preloaded
from testkit.cluster import Process, begin, free_ports
from testkit.preloaded import Cluster

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="package")
def breakable(mail_folders) -> Iterator[Cluster]:
    """A second cluster, for tests that stop, kill or rotate; each leaves all four services running."""
    with Cluster({"RATE_LIMITS": "off", "JWKS_MAX_AGE": "1"}) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def customer(breakable, door, newcomer) -> Any:
    """Somebody who just made an account at the breakable cluster."""
    return newcomer(door(breakable.gateway))


@dataclass
class Launched:
    """A process that a test started itself, and what it wrote."""

    process: Process
    url: str
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Iterator[Callable[..., Launched]]:
    """`launch(*arguments, **environment)`: run `python -m …` with a free `{port}`; it ends with the module.

    Without `imported`, what it needs is not imported already.
    """
    started: list[Launched] = []

    def run(*arguments: str, imported: bool = True, **environment: str) -> Launched:
        (port,) = free_ports(1)
        output = tmp_path_factory.mktemp("launched") / "output"
        settings = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        settings |= {name: value.replace("{port}", str(port)) for name, value in environment.items()}
        command = [sys.executable, "-m", *(each.replace("{port}", str(port)) for each in arguments)]
        start = preloaded.begin if imported else begin
        process = start(command, settings, output.parent, output, output)
        started.append(Launched(process, f"http://127.0.0.1:{port}", output))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.process.pid, signal.SIGKILL)
            each.process.wait(10)


@pytest.fixture(scope="package")
def ready(door, until) -> Callable[[Launched], Launched]:
    """`ready(launched)`: wait until it can serve."""

    def look(launched: Launched) -> bool:
        assert launched.process.poll() is None, launched.text
        try:
            return requests.get(f"{launched.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:  # a server may listen before it has loaded its app
            return False

    def wait(launched: Launched) -> Launched:
        until(lambda: look(launched), hope=f"readiness of {launched.url}")
        return launched

    return wait


@dataclass
class Client:
    """A confidential client that speaks to the mint with its own key (RFC 7523)."""

    client_id: str
    key: str
    mint: Any  # a Door
    issuer: str

    def assertion(self, **overrides: Any) -> str:
        now = int(time.time())
        base = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": uuid.uuid4().hex}
        return jwt.encode({**base, "iat": now, "exp": now + 60, **overrides}, self.key, "RS256")

    def ask(self, **form: Any) -> requests.Response:
        proof = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion()}
        return self.mint("POST", "/oauth/token", data={**proof, **form})

    def exchange(self, subject_token: str, **form: Any) -> requests.Response:
        base = {"grant_type": EXCHANGE, "subject_token": subject_token, "subject_token_type": ACCESS_TOKEN}
        return self.ask(**{**base, "audience": "users-service", **form})


@pytest.fixture(scope="package")
def client(cluster, gateway, alice, claims_of) -> Callable[[str], Client]:
    """`client("orders-service")`: this client of the shared cluster, with its own key."""
    issuer = claims_of(alice.token)["iss"]
    return lambda name: Client(
        name, (cluster.keys_dir / "clients" / f"{name}.pem").read_text(), gateway, issuer
    )


@dataclass
class Recorder:
    """Stands before a service, passes everything on, and keeps what came."""

    target: str
    seen: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""


@pytest.fixture(scope="module")
def recorder() -> Iterator[Callable[[str], Recorder]]:
    """`recorder(url)`: a proxy before this address that keeps method, path and headers of each request."""
    servers: list[ThreadingHTTPServer] = []

    def start(target: str) -> Recorder:
        kept = Recorder(target)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _recording(kept))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        kept.url = f"http://127.0.0.1:{server.server_address[1]}"
        return kept

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _recording(kept: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.seen.append((self.command, self.path, headers))
            onward = {name: value for name, value in headers.items() if name not in ("host", "connection")}
            answer = requests.get(kept.target + self.path, headers=onward, timeout=10)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    return Handler
