"""A second cluster, which tests may break, and services that a test starts itself."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from testkit import forked_cluster
from testkit.cluster import Process, free_ports, start_process
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.user import User


@pytest.fixture(scope="package")
def breakable(mail_folders) -> Iterator[ForkedCluster]:
    """A cluster for tests that stop, kill or rotate; each leaves all four services running."""
    with ForkedCluster({"RATE_LIMITS": "off", "JWKS_MAX_AGE": "1"}) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def customer(breakable, client_at, new_user) -> User:
    """A new user of the breakable cluster."""
    return new_user(client_at(breakable.gateway))


@dataclass
class Launched:
    """A process that a test has started, and its output."""

    process: Process
    url: str
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Iterator[Callable[..., Launched]]:
    """`launch(*arguments, **environment)`: run `python -m …` with a free `{port}` until the module ends.

    It is forked from a process with the imports of the services unless `imported` is False.
    """
    launched: list[Launched] = []

    def run(*arguments: str, imported: bool = True, **environment: str) -> Launched:
        (port,) = free_ports(1)
        output = tmp_path_factory.mktemp("launched") / "output"
        settings = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        settings |= {name: value.replace("{port}", str(port)) for name, value in environment.items()}
        command = [sys.executable, "-m", *(each.replace("{port}", str(port)) for each in arguments)]
        start = forked_cluster.start_process if imported else start_process
        process = start(command, settings, output.parent, output, output)
        launched.append(Launched(process, f"http://127.0.0.1:{port}", output))
        return launched[-1]

    yield run
    for each in launched:
        if each.process.poll() is None:
            each.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.process.pid, signal.SIGKILL)
            each.process.wait(10)


@pytest.fixture(scope="package")
def ready() -> Callable[[Launched], Launched]:
    """`ready(launched)`: wait until it can serve."""

    def is_ready(launched: Launched) -> bool:
        assert launched.process.poll() is None, launched.text
        try:
            return requests.get(f"{launched.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:  # a server may listen before it has loaded its app
            return False

    def wait(launched: Launched) -> Launched:
        wait_for(lambda: is_ready(launched), what=f"readiness of {launched.url}")
        return launched

    return wait
