"""nginx and Caddy ask a real `touchstone authz` about each request, with the files of deploy/authz."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from testkit.cluster import free_ports
from testkit.concurrency import wait_for
from testkit.external_programs import server_process
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.upstream import FakeUpstream

FILES = Path(__file__).parents[2] / "deploy" / "authz"
AUTHZ = [Path(sysconfig.get_path("scripts"), "touchstone"), "authz", "--rule", "orders", "orders-service"]
COMMANDS = {
    "nginx": ["nginx", "-p", ".", "-c", "nginx.conf", "-g", "daemon off;"],
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"],
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(long_poll=True) as running:
        running.publish(JWKS_PATH, running.signer.jwks())
        running.open_list()
        yield running


@pytest.fixture(scope="module")
def api() -> Iterator[FakeUpstream]:
    with FakeUpstream() as running:
        yield running


@dataclass(frozen=True)
class Proxy:
    """A proxy in front of the API, and the process of `touchstone authz` that it asks."""

    name: str
    url: str
    authz: "subprocess.Popen[bytes]"

    def __call__(self, token: str | None = None, path: str = "/orders") -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.get(self.url + path, headers=headers, timeout=20)


@pytest.fixture(params=["nginx", "caddy"], scope="module")
def proxy(request, issuer, api, tmp_path_factory) -> Iterator[Proxy]:
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    program = shutil.which(name, path=path)
    if program is None:
        pytest.skip(f"needs {name}: apt-get install {name}")
    port, authz_port = free_ports(2)
    file = "nginx.conf" if name == "nginx" else "Caddyfile"
    text = (FILES / file).read_text().replace("127.0.0.1:8090", f"127.0.0.1:{authz_port}")
    text = text.replace("127.0.0.1:8083", f"127.0.0.1:{api.port}").replace(
        "http://:8080", f"http://127.0.0.1:{port}"
    )
    (folder / file).write_text(text.replace("listen 8080", f"listen 127.0.0.1:{port}"))
    options = ["orders:read", "--issuer", issuer.url, "--listen", f"127.0.0.1:{authz_port}"]
    with ExitStack() as stack:
        authz = stack.enter_context(
            server_process([*AUTHZ, *options], f"http://127.0.0.1:{authz_port}/readyz", 200)
        )
        environment = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        command = [program, *COMMANDS[name][1:]]
        url = f"http://127.0.0.1:{port}"
        stack.enter_context(server_process(command, url, 404, folder=folder, environment=environment))
        yield Proxy(name, url, authz)


def test_good_token_reaches_api(proxy, issuer, api):
    token = issuer.signer.sign(issuer.signer.claims(status=1))

    assert proxy(token).status_code == 200
    assert api.received[-1].headers["Authorization"] == f"Bearer {token}"


def test_missing_token_gets_challenge(proxy, api):
    before = len(api.received)
    answer = proxy()

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    own_page = "text/html" if proxy.name == "nginx" else "application/problem+json"
    assert answer.headers["Content-Type"] == own_page
    assert len(api.received) == before


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"scope": "profile:read"}, 403), ({"aud": "users-service"}, 401), ({"exp": 1}, 401)],
)
def test_insufficient_token_is_refused(proxy, issuer, api, claims, status):
    before = len(api.received)

    assert proxy(issuer.signer.sign(issuer.signer.claims(**claims))).status_code == status
    assert len(api.received) == before


def test_revoked_token_is_refused(proxy, issuer):
    issuer.revoke(7, value=0)
    token = issuer.signer.sign(issuer.signer.claims(status=7))
    wait_for(lambda: proxy(token).status_code == 200, what="an acceptance of the token")
    issuer.revoke(7)
    wait_for(lambda: proxy(token).status_code == 401, what="a refusal of the revoked token")


def test_path_without_rule_is_404(proxy, issuer):
    for path in ("/", "/authorize/orders", "/products"):
        assert proxy(issuer.signer.sign(), path).status_code == 404


def test_nothing_passes_without_authz(proxy, issuer, api):
    """The last test of its proxy: it ends the process."""
    token = issuer.signer.sign()
    assert proxy(token).status_code == 200
    proxy.authz.terminate()
    proxy.authz.wait(20)
    before = len(api.received)

    assert proxy(token).status_code == {"nginx": 503, "caddy": 502}[proxy.name]
    assert len(api.received) == before
