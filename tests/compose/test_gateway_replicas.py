"""Two gateways behind the load balancer, with limits in Valkey: a project of their own, with the cluster's services."""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from testkit.cluster import free_ports
from testkit.concurrency import repeated, wait_for

from .conftest import PROJECT, ROOT

FILES = ("-f", "docker-compose.yml", "-f", "deploy/load-balancer/compose.yml")
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics', timeout=5).read().decode())"
)
EXTRA = f"""
services:
  gateway:
    environment: {{GATEWAY_METRICS_PORT: "9100", RATE_LIMIT_LOGIN: 10/minute, RATE_LIMITS: "on"}}
    networks: [cluster]
networks:
  cluster: {{external: true, name: {PROJECT}_backend}}
"""


class Replicas:
    """Requests go to `url`, commands to the project."""

    def __init__(self, folder):
        (self.port,) = free_ports(1)
        self.url = f"http://localhost:{self.port}"
        extra = folder / "extra.yml"
        extra.write_text(EXTRA)
        self._command = ["docker", "compose", "-p", f"{PROJECT}-replicas", *FILES, "-f", str(extra)]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COMPOSE_")}
        self._environment = kept | {"GATEWAY_PORT": str(self.port)}

    def __call__(self, *arguments):
        done = subprocess.run(
            [*self._command, *arguments],
            check=False,
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def is_alive(self):
        """Return whether a gateway answers; the engine accepts connections before the load balancer does."""
        try:
            return requests.get(f"{self.url}/livez", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def log_ins(self, count):
        """Return how many requests passed the limits, of this many."""
        answers = [requests.post(f"{self.url}/login", json={}, timeout=10) for _ in range(count)]
        return sum(answer.status_code != 429 for answer in answers)

    def containers(self):
        """Return the identifiers of the two gateways."""
        return self("ps", "--quiet", "gateway").split()

    def metric(self, name):
        """Return the sums of a metric's samples, of each gateway."""
        texts = [
            self("exec", "-T", "--index", str(number), "gateway", "python", "-c", METRICS)
            for number in (1, 2)
        ]
        return [sum(map(float, re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))) for text in texts]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    project = Replicas(tmp_path_factory.mktemp("replicas"))
    try:
        project(
            "up",
            "-d",
            "--build",
            "--no-deps",
            "--wait",
            "--scale",
            "gateway=2",
            "valkey",
            "gateway",
            "load-balancer",
        )
        wait_for(project.is_alive)
        yield project
    finally:
        project("down", "--volumes", "--timeout", "2")


def test_gateways_share_a_limit_until_valkey_stops(replicas):
    shared = replicas.log_ins(14)
    served = replicas.metric(r'http_requests_total{[^}]*"/login"[^}]*}')
    replicas("stop", "--timeout", "2", "valkey")
    without = replicas.log_ins(6)
    lost = replicas.metric("rate_limits_shared")
    replicas("start", "valkey")
    wait_for(lambda: replicas.metric("rate_limits_shared") == [1, 1])
    again = replicas.log_ins(14)

    assert (shared, without, again) == (10, 6, 10)
    assert served == [7, 7]
    assert lost == [0, 0]
    logs = replicas("logs", "--no-log-prefix", "gateway")
    events = re.findall(r'"event": "(rate limits are [^"]*)"', logs)
    assert sorted(events) == [
        "rate limits are not shared: Valkey does not answer",
        "rate limits are not shared: Valkey does not answer",
        "rate limits are shared again",
        "rate limits are shared again",
    ]


REPLICATED = ("auth-service", "users-service", "orders-service")


@pytest.fixture
def two_of_each(compose):
    """The identifiers of the services' containers, two of each, grouped by replica."""
    compose.up(*(word for name in REPLICATED for word in ("--scale", f"{name}=2")), *REPLICATED)
    ids = [compose("ps", "--quiet", name).stdout.split() for name in REPLICATED]
    yield list(zip(*ids, strict=True))
    compose.up(*(word for name in REPLICATED for word in ("--scale", f"{name}=1")), *REPLICATED)


def docker(*arguments):
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def restart(*containers):
    """Restart containers at the same time, and wait until they are healthy."""
    with ThreadPoolExecutor(len(containers)) as pool:
        list(pool.map(lambda each: docker("restart", each), containers))
    state = "{{.State.Health.Status}}"
    wait_for(lambda: set(docker("inspect", "-f", state, *containers).split()) == {"healthy"})


def test_rolling_restart_fails_no_request(replicas, two_of_each, alice, sku):
    """Every service and the gateways, one replica of each after the other, while requests of all kinds come."""
    url, token = replicas.url, {"Authorization": f"Bearer {alice.token}"}
    calls = [
        ("GET", "/products", {}),
        ("GET", "/users/me", {"headers": token}),
        ("GET", "/.well-known/jwks.json", {}),
        ("POST", "/orders", {"headers": token, "json": {"items": [{"sku": sku, "quantity": 1}]}}),
        ("POST", "/oauth/token", {"data": {"grant_type": "none"}}),
    ]
    statuses = []

    def send():
        for method, path, options in calls:
            status = requests.request(method, url + path, timeout=30, **options).status_code
            statuses.append((method, path, status))
        time.sleep(0.1)  # the containers start on the same cores

    with repeated(send, threads=2):
        for group, gateway in zip(two_of_each, replicas.containers(), strict=True):
            restart(*group, gateway)

    assert set(statuses) == {
        ("GET", "/products", 200),
        ("GET", "/users/me", 200),
        ("GET", "/.well-known/jwks.json", 200),
        ("POST", "/orders", 201),
        ("POST", "/oauth/token", 400),
    }
