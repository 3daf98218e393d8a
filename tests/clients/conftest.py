"""What clients that nobody here wrote need to run: a person at a browser, keys of their own, and npm."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testkit.surfer import Surfer

HERE = Path(__file__).parent
BOUND = 60  # seconds for one whole conversation of a script
CALLBACK = "http://127.0.0.1:49152/callback"  # nobody listens: the surfer stops before it


@pytest.fixture
def surfer(alice) -> Surfer:
    """Alice at a browser that has never been here."""
    return Surfer(alice.email, alice.password)


@pytest.fixture(scope="package")
def callback() -> str:
    return CALLBACK


@pytest.fixture(autouse=True)
def _http_is_fine_on_loopback(monkeypatch) -> None:
    """Oauthlib's own switch for issuers without TLS."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="package")
def issuer(gateway) -> str:
    return str(gateway("GET", "/.well-known/openid-configuration").json()["issuer"])


@pytest.fixture(scope="package")
def discovered(gateway) -> dict[str, Any]:
    """The metadata, as any client reads it."""
    return dict(gateway("GET", "/.well-known/openid-configuration").json())


@pytest.fixture(scope="package")
def client_key(cluster) -> Callable[[str], str]:
    """`client_key(client_id)`: the private key of a confidential client, as PEM."""
    return lambda client_id: (cluster.keys_dir / "clients" / f"{client_id}.pem").read_text()


@pytest.fixture(scope="package")
def packages(tmp_path_factory) -> Path:
    """The folder with the scripts and their packages, installed once, from the lock."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    place = tmp_path_factory.mktemp("clients") / "npm"
    shutil.copytree(HERE / "npm", place, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def converse(packages, surfer, issuer, callback) -> Iterator[Callable[..., dict[str, Any]]]:
    """`converse(script, **question)`: what a script says in the end.

    A script prints one JSON object a line. Where that is `{"open": url}` the surfer goes there, and the script is told
    the address where that ended; where it is `{"connect": url}` the surfer says yes to a device.
    """
    running: list[subprocess.Popen[str]] = []

    def ask(script: str, **question: Any) -> dict[str, Any]:
        process = subprocess.Popen(
            ["node", script],
            cwd=packages,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        say(process, {"issuer": issuer, "redirect_uri": callback, **question})
        for line in process.stdout:
            told = json.loads(line)
            if "open" in told:
                say(process, {"arrived": surfer.arrive(told["open"])})
                continue
            if "connect" in told:
                surfer.finish(told["connect"])
                say(process, {})
                continue
            process.stdin.close()
            assert process.wait(BOUND) == 0
            return dict(told)
        raise AssertionError(process.stderr.read())

    def say(process: "subprocess.Popen[str]", something: dict[str, Any]) -> None:
        process.stdin.write(json.dumps(something) + "\n")
        process.stdin.flush()

    yield ask
    for process in running:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        process.wait(BOUND)


@pytest.fixture(scope="package")
def shop(cluster) -> dict[str, str]:
    """A third party's client with a secret, registered by an operator: `client_id` and `client_secret`."""
    lists = {
        "--grant": ("authorization_code", "refresh_token"),
        "--redirect-uri": (CALLBACK,),
        "--audience": ("orders-service",),
        "--scope": ("openid", "email", "orders:read"),
    }
    given = [word for name, values in lists.items() for value in values for word in (name, value)]
    register = ("clients", "register", "shop", "--confidential", "--secret", "--name", "Shop")
    told = cluster.cli("auth-service", *register, *given, "--json")
    return dict(json.loads(told.stdout))
