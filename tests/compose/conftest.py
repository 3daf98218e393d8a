"""The containers of the compose project, which `make test-compose` starts and stops."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testkit.cluster import SERVICES

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROJECT = os.environ.get("TOUCHSTONE_COMPOSE_PROJECT", "")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.compose)
            if not PROJECT:
                item.add_marker(pytest.mark.skip(reason="needs the cluster in containers: make test-compose"))


@dataclass(frozen=True)
class Compose:
    """The compose project under test."""

    services: tuple[str, ...] = tuple(SERVICES)

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose …` on this project."""
        command = ["docker", "compose", "--project-name", PROJECT, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self, *arguments: str) -> None:
        """Start services beside the running ones, and wait until they are healthy."""
        self("up", "-d", "--no-recreate", "--no-deps", "--wait", *arguments)

    def inside(self, service: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of the service, as the service's user."""
        return self("exec", "-T", service, *command, check=check)

    def python(self, service: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in a container of the service; it may fail."""
        return self.inside(service, "python", "-c", program, *arguments, check=False)

    def inspect(self, *services: str) -> list[dict[str, Any]]:
        """Return the output of `docker inspect` for the running containers."""
        ids = self("ps", "--quiet", *services).stdout.split()
        done = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def compose() -> Compose:
    return Compose()
