"""The programs of docs/how-to/, run as their readers would: in an environment of their own, with touchstone installed there."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
import requests
from testkit.callers import Door
from testkit.cluster import free_ports
from testkit.issuer import JWKS_PATH, FakeIssuer

ROOT = Path(__file__).resolve().parents[2]
OURS, FOREIGN = "http://localhost:8080", "https://issuer.example"  # as the pages name them


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
    """An environment into which pip installed libs/touchstone; third parties come from where these tests run."""
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    # A path in a .pth file is searched, but its own .pth files are not read: so nothing of ours is there by editable installation.
    (site / "third_parties.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    python = place / "bin" / "python"
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
def foreign_issuer() -> Iterator[FakeIssuer]:
    """An issuer that is not ours, cannot wait, and has no status lists; `.mint` signs for it."""
    with FakeIssuer() as issuer:
        issuer.publish(JWKS_PATH, issuer.mint.jwks())
        yield issuer


@pytest.fixture(scope="package")
def serve(
    program, fresh_python, cluster, foreign_issuer, tmp_path_factory, until
) -> Iterator[Callable[[str], Door]]:
    """`serve(page)`: a Door to the page's program, run by Flask's own server, its issuers put where the tests have them."""
    doors: dict[str, Door] = {}
    processes: list[subprocess.Popen[bytes]] = []

    def start(page: str) -> Door:
        if page in doors:
            return doors[page]
        folder = tmp_path_factory.mktemp(page)
        text = program(page).replace(OURS, cluster.issuer).replace(FOREIGN, foreign_issuer.url)
        (folder / "app.py").write_text(text)
        (port,) = free_ports(1)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [fresh_python, "-m", "flask", "--app", "app", "run", "--port", str(port)],
                cwd=folder,
                env=kept,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        processes.append(process)
        door = Door(f"http://127.0.0.1:{port}")

        def answers() -> bool:
            assert process.poll() is None, (folder / "output").read_text()
            try:
                return door("GET", "/hello").status_code == 401
            except requests.ConnectionError:
                return False

        until(answers, hope=f"the program of {page}")
        return doors.setdefault(page, door)

    yield start
    for door in doors.values():
        door.close()
    for process in processes:
        process.terminate()
        process.wait(10)


@pytest.fixture
def own_session(newcomer) -> dict:
    """The tokens of somebody new, who may log out without harm to other tests."""
    return newcomer().log_in()


@pytest.fixture(scope="package")
def header_of() -> Callable[[str], dict]:
    return jwt.get_unverified_header
