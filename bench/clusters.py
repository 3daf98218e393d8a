"""The clusters that bench/revocation.py measures: processes of this machine, containers, or a running cluster."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apps.plain_polling import PlainPolling
from service_kit.server.service_table import Service
from testkit.cluster import DEMO_PASSWORD, SERVICES, Cluster, free_ports
from testkit.http_client import HttpClient
from testkit.user import User

ROOT = Path(__file__).resolve().parent.parent
PROBE = ROOT / "bench" / "revocation_probe.py"
# A cheap route of each service that needs a token. The gateway's upstream accepts every token.
PATHS = {"auth-service": "/account/sessions", "users-service": "/users/me", "orders-service": "/orders"}
PROCESSES = 2
WITHOUT_LIMITS = {"RATE_LIMITS": "off"}


class Probe:
    """The running program bench/revocation_probe.py; `close` ends it."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, command: Mapping[str, Any]) -> None:
        """Send a command."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next result. Raise SystemExit if the probe has ended."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the probe has ended, see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.send(command)
        return self.receive()

    def close(self) -> None:
        """Close its input, which ends it."""
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@dataclass(frozen=True)
class ProbedCluster:
    """A cluster: a client of its gateway, and the probe of its processes."""

    gateway: HttpClient
    probe: Probe
    processes: list[str]

    def user(self, name: str) -> User:
        """Return one of the demo accounts."""
        return User(self.gateway, f"{name}@example.com", os.environ.get("DEMO_PASSWORD", DEMO_PASSWORD))


@contextlib.contextmanager
def _probed(url: str, services: list[dict[str, Any]], command: list[str]) -> Iterator[ProbedCluster]:
    probe, gateway = Probe(command), HttpClient(url)
    try:
        yield ProbedCluster(gateway, probe, probe.ask(open=services)["processes"])
    finally:
        probe.close()
        gateway.close()


def _service(name: str, addresses: list[tuple[str, int]], processes: int = PROCESSES) -> dict[str, Any]:
    path = PATHS.get(name, PATHS["users-service"])
    publishes = name == "auth-service"
    return {
        "name": name,
        "addresses": addresses,
        "path": path,
        "processes": processes,
        "publishes": publishes,
    }


@contextlib.contextmanager
def on_this_machine(settings: Mapping[str, str], *, polling: bool = False) -> Iterator[ProbedCluster]:
    """Run the commands of `make run`, with two processes of each service; the second gateway has a port of its own.

    With `polling` no `Prefer` reaches auth-service, and auth-service is not probed, as it follows no document.
    """
    second = {"gateway-2": Service("gateway", "GATEWAY_2", 0, own_server=True)}
    upstream, *metrics = free_ports(3)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-revocation-"))
        permissive = subprocess.Popen(
            [sys.executable, ROOT / "bench" / "apps" / "small_upstream.py", str(upstream)]
        )
        stack.callback(permissive.wait, 10)
        stack.callback(permissive.terminate)
        plain = stack.enter_context(PlainPolling())
        away = {"ISSUER_BACKCHANNEL": plain.url} if polling else {}
        only = {
            name: {"USERS_URL": f"http://127.0.0.1:{upstream}", "GATEWAY_METRICS_PORT": str(port), **away}
            for name, port in zip(("gateway", "gateway-2"), metrics, strict=True)
        }
        cluster = Cluster(
            {**WITHOUT_LIMITS, **settings},
            only={"users-service": away, "orders-service": away, **only},
            services=list(SERVICES),
            folder=Path(folder),
            workers=PROCESSES,
            table={**SERVICES, **second},
        )
        plain.target = cluster.urls["auth-service"]
        stack.enter_context(cluster)
        cluster.start_service("gateway-2", GATEWAY_PORT=str(cluster.ports["gateway-2"]))
        probed = [
            _service(name, [("127.0.0.1", cluster.ports[name])])
            for name in PATHS
            if not (polling and name == "auth-service")
        ]
        gateways = _service("gateway", [("127.0.0.1", cluster.ports[name]) for name in only])
        gateways["metrics"] = [("127.0.0.1", port) for port in metrics]
        command = [sys.executable, "-u", str(PROBE)]
        yield stack.enter_context(_probed(cluster.gateway, [*probed, gateways], command))


@contextlib.contextmanager
def in_containers() -> Iterator[ProbedCluster]:
    """Start the compose file's cluster with two containers of each service; the probe runs inside its network."""
    project = f"touchstone-bench-{os.getpid()}"
    (port,) = free_ports(1)
    environment = {
        **os.environ,
        **WITHOUT_LIMITS,
        "COMPOSE_PROJECT_NAME": project,
        "GATEWAY_PORT": "0",  # the engine chooses, for each of the two
        "ISSUER": f"http://localhost:{port}",
        "DEMO": "1",
    }

    def compose(*words: str) -> str:
        command = ["docker", "compose", "--progress", "quiet", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
        return done.stdout

    scale = [word for name in (*PATHS, "gateway") for word in ("--scale", f"{name}={PROCESSES}")]
    try:
        compose("up", "-d", "--build", "--wait", *scale)
        gateway = f"http://{compose('port', 'gateway', '8080').strip()}"
        services = [_service(name, [(name, SERVICES[name].port)]) for name in (*PATHS, "gateway")]
        command = ["docker", "run", "--interactive", "--rm", "--network", f"{project}_backend"]
        command += ["touchstone:local", "python", "-u", "-c", PROBE.read_text()]
        with _probed(gateway, services, command) as cluster:
            yield cluster
    finally:
        compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


@contextlib.contextmanager
def behind(gateway: str) -> Iterator[ProbedCluster]:
    """Look at a cluster that runs already, through its gateway alone."""
    parts = urlsplit(gateway)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    services = [
        {**_service(name, [address], 1), "name": f"gateway, {name}", "publishes": False} for name in PATHS
    ]
    with _probed(gateway.rstrip("/"), services, [sys.executable, "-u", str(PROBE)]) as cluster:
        yield cluster
