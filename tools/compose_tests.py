"""`make test-compose`: start a cluster in containers, run the tests against it, remove it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ("docker", "compose", "--progress", "quiet")
NO_ENGINE = """\
error: these tests need a running Docker engine with the compose plugin (v2).
  Make `docker version` and `docker compose version` work, then try again."""


def works(*command: str) -> bool:
    """Return whether a command exists and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603 - docker
    except (OSError, subprocess.TimeoutExpired):
        return False


def free_port() -> int:
    """Return a free port for this cluster's gateway, so that another cluster can keep running."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*command: str, env: dict[str, str]) -> int:
    """Run a step, print how long it took, return its exit code."""
    begin = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603 - docker and pytest
    print(f"  {' '.join(command[:2])} … {time.monotonic() - begin:.1f} s, code {code}", flush=True)
    return code


def main(arguments: list[str]) -> int:
    """Start, test, remove; return the exit code of the tests."""
    if not works("docker", "version") or not works(*COMPOSE, "version"):
        print(NO_ENGINE, file=sys.stderr)
        return 2
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as mail:
        os.chmod(mail, 0o777)  # noqa: PTH101, S103 - the container's user writes here
        return test(arguments, mail)


def test(arguments: list[str], mail: str) -> int:
    """Start, test, remove, with this folder for the cluster's mail."""
    project = f"touchstone-test-{os.getpid()}"
    port = str(free_port())
    env = os.environ | {
        "COMPOSE_FILE": os.pathsep.join(("docker-compose.yml", "tests/compose/mail.yml")),
        "TOUCHSTONE_MAIL_DIR": mail,
        "COMPOSE_PROJECT_NAME": project,
        "GATEWAY_PORT": port,
        "ISSUER": f"http://localhost:{port}",
        "RATE_LIMITS": "off",
        "DEMO": "1",
        "TOUCHSTONE_GATEWAY_URL": f"http://localhost:{port}",
        "TOUCHSTONE_COMPOSE_PROJECT": project,
    }
    code = 1
    try:
        code = run(*COMPOSE, "up", "-d", "--build", "--wait", env=env)
        if code == 0:
            tests = [sys.executable, "-m", "pytest", "-p", "tools.pytest_required", "-m", "compose", "tests"]
            code = run(*tests, *arguments, env=env)
        if code != 0:
            run(*COMPOSE, "--ansi", "never", "logs", "--no-color", "--tail", "60", env=env)
    except KeyboardInterrupt:
        code = 130
    finally:
        run(*COMPOSE, "down", "--volumes", "--remove-orphans", "--timeout", "5", env=env)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
