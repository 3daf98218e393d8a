"""Two gateways behind the load balancer, with limits in Valkey: a compose project of its own, without services."""

import os
import re
import subprocess

import pytest
import requests
from testkit.cluster import free_ports
from testkit.concurrency import wait_for

from .conftest import PROJECT, ROOT

FILES = ("-f", "docker-compose.yml", "-f", "deploy/load-balancer/compose.yml")
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics', timeout=5).read().decode())"
)
EXTRA = """
services:
  gateway:
    environment: {GATEWAY_METRICS_PORT: "9100", RATE_LIMIT_LOGIN: 10/minute, RATE_LIMITS: "on"}
    healthcheck: {test: [CMD, bash, -c, "exec 3<>/dev/tcp/127.0.0.1/8080"]}
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
        self._environment = kept | {"GATEWAY_PORT": str(self.port), "ISSUER": f"http://localhost:{self.port}"}

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

    def log_ins(self, count):
        """Return how many requests passed the limits, of this many; auth-service is not there to answer them."""
        answers = [requests.post(f"{self.url}/login", json={}, timeout=10) for _ in range(count)]
        return sum(answer.status_code != 429 for answer in answers)

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
        wait_for(lambda: requests.get(f"{project.url}/livez", timeout=5).status_code == 200)
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
