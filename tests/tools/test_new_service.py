"""`make new-service` and `make remove-service`, in a clone with an environment of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from testkit.cluster import DEMO_PASSWORD, free_ports
from testkit.concurrency import wait_for
from testkit.external_programs import server_process
from testkit.http_client import HttpClient

from .git_clone import clone_tree, git

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git (Debian, Ubuntu: apt install git)")
SERVICE = "stock-keeping-service"  # a name with a hyphen, another first letter than `inventory`
SCOPES = ["stock-keeping:read", "stock-keeping:write"]
KEPT = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


@dataclass
class Clone:
    """A clone of this tree, with the third-party packages of these tests and packages of its own."""

    root: Path
    python: Path

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.root,
            env=KEPT | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def make(self, target: str, name: str | None = None) -> subprocess.CompletedProcess[str]:
        named = [] if name is None else [f"NAME={name}"]
        return self.run("make", "--silent", target, *named, f"VENV={self.python}", "SETUP=true")

    def succeed(self, *words: str) -> str:
        done = self.run(str(self.python), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, *packages: str) -> None:
        uv = (Path(sys.prefix, "bin", "uv"), "pip", "install", "--quiet", "--python", self.python)
        options = ("--offline", "--no-deps", "--no-build-isolation")
        done = self.run(
            *map(str, (*uv, *options)), *(word for each in packages for word in ("-e", f"./{each}"))
        )
        assert done.returncode == 0, done.stderr

    def files(self) -> dict[str, bytes]:
        """The content of each file that git does not ignore."""
        names = git("ls-files", "--cached", "--others", "--exclude-standard", cwd=self.root).splitlines()
        return {name: (self.root / name).read_bytes() for name in names if (self.root / name).exists()}

    def toml(self, path: str) -> dict:
        return tomllib.loads((self.root / path).read_text("utf-8"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Clone:
    folder = tmp_path_factory.mktemp("clone")
    root = clone_tree(folder)
    venv.create(folder / "venv", symlinks=True)
    (site,) = folder.glob("venv/lib/python*/site-packages")
    # A path in a .pth file is searched, but its own .pth files are not read: so no editable installation is found.
    (site / "third_parties.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (folder / "venv" / "bin" / "ruff").symlink_to(Path(sys.prefix, "bin", "ruff"))
    made = Clone(root, folder / "venv" / "bin" / "python")
    made.install(
        *(
            str(each.parent.relative_to(root))
            for each in root.glob("**/pyproject.toml")
            if each.parent != root
        )
    )
    return made


@pytest.fixture(scope="module")
def before(clone) -> dict[str, bytes]:
    return clone.files()


@pytest.fixture(scope="module")
def service(clone, before) -> str:
    """The output of `make new-service`; the service is installed."""
    done = clone.make("new-service", "stock-keeping")
    assert done.returncode == 0, done.stdout + done.stderr
    clone.install(SERVICE)
    return done.stdout


NAMES = {
    "Inventory": "must be words of a-z and 0-9",
    "in_ventory": "must be words of a-z and 0-9",
    "-inventory": "must be words of a-z and 0-9",
    "inventory-": "must be words of a-z and 0-9",
    "in--ventory": "must be words of a-z and 0-9",
    "2nd": "must be words of a-z and 0-9",
    "../inventory": "must be words of a-z and 0-9",
    "x" * 31: "at most 30 characters",
    "inventory-service": "must be without `-service`",
    "orders": "the folder orders-service exists already",
    "profile": "the scope profile:read exists already",
    "products": "the path /products exists already",
    "docs": "the path /docs exists already",
    "bff": "the path /bff exists already",
    "mail": "the setting MAIL_URL exists already",
    "database": "the setting DATABASE_URL exists already",
    "gateway": "the setting GATEWAY_PORT exists already",
    "valkey": "the setting VALKEY_URL exists already",
    "receiver": "the volume receiver-client exists already",
    "check": "the command make check exists already",
    "postgres": "PostgreSQL reserves postgres",
    "template1": "PostgreSQL reserves template1",
}


FAULTS = "import json, sys; from service_names import name_faults; print(json.dumps([*map(name_faults, sys.argv[1:])]))"


def test_bad_names_are_faults(clone):
    environment = {"PYTHONPATH": str(clone.root / "tools" / "new_service")}
    done = clone.run(str(clone.python), "-c", FAULTS, "parcel", *NAMES, **environment)
    assert done.returncode == 0, done.stderr
    good, *bad = json.loads(done.stdout)
    assert good == []
    for (name, fault), lines in zip(NAMES.items(), bad, strict=True):
        assert all(line.startswith(f"NAME={name}") for line in lines)
        assert any(fault in line for line in lines), (name, lines)


def test_bad_name_changes_nothing(clone, before):
    done = clone.make("new-service", "Profile")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: NAME=Profile must be words of a-z and 0-9")
    assert clone.files() == before


def test_expression_in_name_is_not_expanded(clone, before):
    done = clone.make("new-service", "$(shell touch expanded)")

    assert done.returncode == 2
    assert done.stderr.startswith("error: NAME=$(shell touch expanded) must be")
    assert clone.files() == before


READ_ONLY = """
import runpy, sys

def refuse(event, args):
    if event == "open" and str(args[0]).endswith("/docker-compose.yml") and args[1] in ("w", "wb"):
        raise PermissionError(13, "Permission denied", str(args[0]))

sys.addaudithook(refuse)  # root may write to files that are read-only
sys.argv = ["new_service", "new", "parcel"]
runpy.run_path("tools/new_service", run_name="__main__")
"""


def test_read_only_file_changes_nothing(clone, before):
    done = clone.run(str(clone.python), "-c", READ_ONLY)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "docker-compose.yml" in done.stderr
    assert clone.files() == before


def test_missing_name_is_usage(clone, before):
    assert "usage: make remove-service NAME=inventory" in clone.make("remove-service").stderr
    assert clone.files() == before


def test_failing_step_changes_nothing(clone, before):
    routes = clone.root / "gateway/src/gateway/routing/routes.toml"
    text = routes.read_text("utf-8")
    routes.write_text(f"{text}\n[[routes]]\npath = '/more'\nmethods = ['GET']\nupstream = 'unknown'\n")
    broken = clone.files()

    done = clone.make("new-service", "parcel")

    assert done.returncode == 2
    assert "unknown" in done.stderr
    assert clone.files() == broken
    routes.write_text(text)


def test_rows_of_new_service(clone, before, service):
    registry = clone.toml("auth-service/src/auth_service/registry.toml")
    assert list(registry["audiences"][SERVICE]["scopes"]) == SCOPES
    assert set(SCOPES) < set(registry["roles"]["customer"]["scopes"])
    assert registry["clients"][SERVICE]["serves"] == [SERVICE]

    routes = clone.toml("gateway/src/gateway/routing/routes.toml")
    ports = {name: row["port"] for name, row in routes["upstreams"].items()}
    assert routes["upstreams"][SERVICE]["settings"] == "STOCK_KEEPING"
    assert ports.pop(SERVICE) == max(ports.values()) + 1
    assert [
        (row["path"], row["methods"], row["audience"], row["scopes"])
        for row in routes["routes"]
        if row["upstream"] == SERVICE
    ] == [
        ("/stock-keeping", [method], SERVICE, [scope])
        for method, scope in zip(("GET", "POST"), SCOPES, strict=True)
    ]

    compose = yaml.safe_load((clone.root / "docker-compose.yml").read_text("utf-8"))
    assert {SERVICE, "migrate-stock-keeping"} < set(compose["services"])
    mounts = {mount.partition(":")[0] for mount in compose["services"][SERVICE]["volumes"]}
    assert mounts < set(compose["volumes"])
    assert f"| {SERVICE} | {routes['upstreams'][SERVICE]['port']} |" in (clone.root / "README.md").read_text(
        "utf-8"
    )
    assert SERVICE in (clone.root / "deploy/envoy/envoy.yaml").read_text("utf-8")

    changed = {name for name, content in clone.files().items() if before.get(name) != content}
    assert {name for name in changed if not name.startswith(f"{SERVICE}/")} == {
        "README.md",
        "auth-service/src/auth_service/registry.toml",
        "deploy/envoy/authz.args",
        "deploy/envoy/envoy.yaml",
        "docker-compose.yml",
        "gateway/src/gateway/routing/routes.toml",
    }
    assert "docs/how-to/your-own-service.md" in service


def test_checks_pass_with_new_service(clone, service):
    git("add", "--all", cwd=clone.root)
    clone.succeed("-m", "ruff", "check")
    clone.succeed("-m", "ruff", "format", "--check")
    clone.succeed("tools/check_tree.py")
    clone.succeed("tools/import_contracts.py")


def test_tests_of_new_service_pass(clone, service):
    clone.succeed("-m", "pytest", "-q", SERVICE)


@pytest.fixture
def extended(clone, service) -> None:
    """Apply the changes of docs/how-to/your-own-service.md to the service."""
    page = (clone.root / "docs/how-to/your-own-service.md").read_text("utf-8")
    diff = "".join(re.findall(r"```diff\n(.*?)```", page, re.DOTALL))
    for old, new in (("inventory_", "stock_keeping_"), ("inventory", "stock-keeping")):
        diff = diff.replace(old, new)
    (clone.root / "var" / "page.diff").write_text(diff, "utf-8")
    git("apply", "var/page.diff", cwd=clone.root)
    (clone.root / "var" / "page.diff").unlink()
    clone.succeed("tools/import_contracts.py")
    clone.succeed("-m", "pytest", "-q", f"{SERVICE}/tests/test_use_cases.py")


@contextmanager
def running(clone: Clone) -> Iterator[HttpClient]:
    """`make run` in the clone, on free ports, when all services are ready: a client of its gateway."""
    upstreams = clone.toml("gateway/src/gateway/routing/routes.toml")["upstreams"]
    settings = [f"{row['settings']}_PORT" for row in upstreams.values()] + ["GATEWAY_PORT"]
    ports = dict(zip(settings, free_ports(len(settings)), strict=True))
    environment = {name: str(port) for name, port in ports.items()} | {"DEMO_PASSWORD": DEMO_PASSWORD}
    command = [clone.python, "tools/run.py"]
    client = HttpClient(f"http://127.0.0.1:{ports['GATEWAY_PORT']}")
    with server_process(command, f"{client.url}/readyz", 200, folder=clone.root, environment=environment):
        for port in ports.values():
            each = HttpClient(f"http://127.0.0.1:{port}")
            wait_for(lambda each=each: ready(each), what=f"the service at port {port}")
            each.close()
        yield client
    client.close()


def ready(client: HttpClient) -> bool:
    try:
        return client("GET", "/readyz").status_code == 200
    except OSError:
        return False


def test_new_service_is_protected_and_log_out_reaches_it(clone, extended):
    alice = {"email": "alice@example.com", "password": DEMO_PASSWORD}
    item = {"name": "Scale", "quantity": 2}
    with running(clone) as gateway:
        assert gateway("GET", "/stock-keeping").status_code == 401

        reader = gateway("POST", "/login", json={**alice, "scope": SCOPES[0]}).json()["access_token"]
        assert gateway("POST", "/stock-keeping", token=reader, json=item).status_code == 403

        token = gateway("POST", "/login", json=alice).json()["access_token"]
        stored = gateway("POST", "/stock-keeping", token=token, json=item)
        assert (stored.status_code, stored.json()["name"]) == (201, "Scale")
        assert gateway("GET", "/stock-keeping", token=reader).json()["items"] == [stored.json()]

        name = gateway("GET", "/stock-keeping/owner", token=token)
        assert (name.status_code, name.json()) == (200, {"name": "Alice Example"})

        assert gateway("POST", "/logout", token=token).status_code == 204
        wait_for(
            lambda: gateway("GET", "/stock-keeping", token=token).status_code == 401,
            what="the end of the session",
        )
        assert gateway("GET", "/stock-keeping", token=reader).status_code == 200
    assert (clone.root / "keys" / "clients" / f"{SERVICE}.pem").exists()


def test_unknown_service_is_not_removed(clone, service):
    after = clone.files()

    done = clone.make("remove-service", "orders")

    assert done.returncode == 2
    assert "NAME=orders is no service that `make new-service` has made" in done.stderr
    assert "NAME=stock-keeping" in done.stderr
    assert clone.files() == after


def test_remove_leaves_no_trace(clone, before, service):
    git("reset", "--quiet", cwd=clone.root)
    finished = clone.python.parent.parent / ".finished-dev"  # as after a set-up
    finished.touch()

    done = clone.make("remove-service", "stock-keeping")

    assert done.returncode == 0, done.stdout + done.stderr
    assert clone.files() == before
    assert git("status", "--porcelain", cwd=clone.root) == ""
    assert not finished.exists()
    (removed,) = (clone.root / "var" / "removed").iterdir()
    assert f"{removed.relative_to(clone.root)}/" in done.stdout
    assert (removed / SERVICE / "src/stock_keeping_service/app.py").exists()
    left = [
        path
        for path in clone.root.rglob("*stock*keeping*")
        if removed not in path.parents and path != removed
    ]
    assert left == []
