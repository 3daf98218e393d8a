"""Alice's browser, clients' keys, and a way to run npm's clients."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testkit.browser import Browser
from testkit.external_programs import install_packages
from testkit.oauth_clients import CALLBACK

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 60  # for one whole script


@pytest.fixture
def browser(alice) -> Browser:
    return Browser(alice.email, alice.password)


@pytest.fixture(autouse=True)
def _http_on_loopback(monkeypatch) -> None:
    """Let oauthlib accept issuers without TLS."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="package")
def metadata(gateway) -> dict[str, Any]:
    """The issuer's metadata."""
    return dict(gateway("GET", "/.well-known/openid-configuration").json())


@pytest.fixture(scope="package")
def client_key(cluster) -> Callable[[str], str]:
    """`client_key(client_id)`: the private key of a confidential client, as PEM."""
    return lambda client_id: (cluster.keys_dir / "clients" / f"{client_id}.pem").read_text()


@pytest.fixture(scope="package")
def packages(tmp_path_factory) -> Path:
    """The folder with the scripts and their packages."""
    return install_packages(HERE / "npm", tmp_path_factory.mktemp("clients"))


@pytest.fixture
def run_script(packages, browser, metadata) -> Iterator[Callable[..., dict[str, Any]]]:
    """`run_script(name, **question)`: the last line that a script prints.

    A script prints one JSON object a line. For `{"open": url}` the browser logs in there, and the script is sent the
    address at which that ended; for `{"connect": url}` the browser approves a device.
    """
    running: list[subprocess.Popen[str]] = []

    def run(name: str, **question: Any) -> dict[str, Any]:
        process = subprocess.Popen(
            ["node", name],
            cwd=packages,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        send(process, {"issuer": metadata["issuer"], "redirect_uri": CALLBACK, **question})
        for line in process.stdout:
            printed = json.loads(line)
            if "open" in printed:
                send(process, {"arrived": browser.authorize(printed["open"])})
            elif "connect" in printed:
                browser.complete(printed["connect"])
                send(process, {})
            else:
                process.stdin.close()
                assert process.wait(TIMEOUT_SECONDS) == 0
                return dict(printed)
        raise AssertionError(process.stderr.read())

    def send(process: "subprocess.Popen[str]", message: dict[str, Any]) -> None:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()

    yield run
    for process in running:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        process.wait(TIMEOUT_SECONDS)


@pytest.fixture(scope="package")
def shop(cluster) -> dict[str, str]:
    """A third party's client, registered by an operator: its `client_id` and `client_secret`."""
    lists = {
        "--grant": ("authorization_code", "refresh_token"),
        "--redirect-uri": (CALLBACK,),
        "--audience": ("orders-service",),
        "--scope": ("openid", "email", "orders:read"),
    }
    options = [word for name, values in lists.items() for value in values for word in (name, value)]
    register = ("clients", "register", "shop", "--confidential", "--secret", "--name", "Shop")
    return dict(json.loads(cluster.cli("auth-service", *register, *options, "--json").stdout))
