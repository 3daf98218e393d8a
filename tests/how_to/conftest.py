"""The programs of docs/how-to/, run in an environment of their own in which touchstone is installed."""

import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from testkit.cluster import DEMO_PASSWORD, free_ports
from testkit.external_programs import server_process
from testkit.forked_cluster import ForkedCluster
from testkit.http_client import HttpClient
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.user import User

ROOT = Path(__file__).resolve().parents[2]
OWN, PARTNER = "http://localhost:8080", "https://issuer.example"  # the issuers of the pages


@pytest.fixture(scope="package")
def program() -> Callable[[str], str]:
    """`program("own-flask-app")`: the one Python program of that page."""

    def read(page: str) -> str:
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text("utf-8")
        (found,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        return found

    return read


@pytest.fixture(scope="package")
def fresh_python(tmp_path_factory) -> Path:
    """An environment with libs/touchstone installed by pip, and the third-party packages of these tests."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file is searched, but its own .pth files are not read: so no editable installation is found.
    (site / "third_parties.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    python = folder / "bin" / "python"
    words = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *words]
    done = subprocess.run(
        [*command, ROOT / "libs" / "touchstone"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return python


@pytest.fixture(scope="package")
def partner_issuer() -> Iterator[FakeIssuer]:
    """An issuer of another project: without long polling and status lists."""
    with FakeIssuer() as issuer:
        issuer.publish(JWKS_PATH, issuer.signer.jwks())
        yield issuer


@pytest.fixture(scope="package")
def cluster(mail_folders) -> Iterator[Any]:
    """A cluster of these tests alone, after the commands of own-flask-app.md that add its audience and scopes."""
    text = (ROOT / "docs" / "how-to" / "own-flask-app.md").read_text("utf-8")
    commands = re.findall(r"^make auth ARGS='((?:audiences add|roles set-scopes) .*)'$", text, re.MULTILINE)
    assert len(commands) == 2
    with ForkedCluster({"RATE_LIMITS": "off"}, services=["auth-service", "gateway"]) as running:
        mail_folders[running.gateway] = running.mail_folder
        for command in commands:
            running.cli("auth-service", *shlex.split(command))
        yield running


@pytest.fixture(scope="package")
def gateway(cluster, client_at) -> HttpClient:
    return client_at(cluster.gateway)


@pytest.fixture(scope="package")
def alice(gateway) -> User:
    return User(gateway, "alice@example.com", DEMO_PASSWORD)


@pytest.fixture(scope="package")
def new_user(gateway, mail_folders) -> Callable[[], User]:
    return lambda: User.register(gateway, mail_folders[gateway.url])


@pytest.fixture(scope="package")
def serve(
    program, fresh_python, cluster, partner_issuer, tmp_path_factory
) -> Iterator[Callable[[str], HttpClient]]:
    """`serve(page)`: a client of the page's program, run by Flask's server with the issuers of the tests."""
    clients: dict[str, HttpClient] = {}
    with ExitStack() as stack:

        def start(page: str) -> HttpClient:
            if page not in clients:
                folder = tmp_path_factory.mktemp(page)
                text = program(page).replace(OWN, cluster.issuer).replace(PARTNER, partner_issuer.url)
                (folder / "app.py").write_text(text)
                (port,) = free_ports(1)
                command = [fresh_python, "-m", "flask", "--app", "app", "run", "--port", str(port)]
                client = HttpClient(f"http://127.0.0.1:{port}")
                stack.callback(client.close)
                stack.enter_context(server_process(command, f"{client.url}/hello", 401, folder=folder))
                clients[page] = client
            return clients[page]

        yield start


@pytest.fixture
def own_session(new_user) -> dict[str, Any]:
    """The tokens of a new user, whose log-out disturbs no other test."""
    return new_user().log_in()
