"""`make auth`: commands after `make run` has stopped, in a checkout of their own."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from testkit.cluster import SERVICES, free_ports
from testkit.token_signer import claims_of

from .checkout import ROOT, make_checkout

PASSWORD = "pebble-orchid-92-rain"
# The environment of these tests stands in for the .venv that `make setup` makes.
MAKE = {"MAKEFLAGS": f"VENV={sys.executable} SETUP=true"}

pytestmark = pytest.mark.skipif(
    not shutil.which("make"), reason="needs make (Debian, Ubuntu: apt install make)"
)


@dataclass(frozen=True)
class Checkout:
    """A folder in which `make run` and `make auth` work."""

    folder: Path

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return kept | {"LC_ALL": "C.UTF-8"} | MAKE | settings

    def shell(self, lines: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run shell lines without a terminal; they may fail."""
        return subprocess.run(
            ["sh", "-e", "-c", lines],
            cwd=self.folder,
            env=self.environment(),
            input=text,
            capture_output=True,
            text=True,
            start_new_session=True,
            timeout=120,
            check=False,
        )

    def auth(self, arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `make auth` with these ARGS."""
        return subprocess.run(
            ["make", "auth", f"ARGS={arguments}"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def accounts(self) -> list[str]:
        """Return the addresses of all accounts, as the database has them."""
        with contextlib.closing(sqlite3.connect(self.folder / "var" / "auth.db")) as database:
            return [email for (email,) in database.execute("SELECT email FROM accounts")]

    @contextlib.contextmanager
    def running(self, **settings: str) -> Iterator[list[str]]:
        """Run `make run` during the block; yield the lines that it printed until all was ready."""
        with subprocess.Popen(
            ["make", "run"],
            cwd=self.folder,
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                lines = []
                for line in process.stdout or ():
                    lines.append(line.rstrip("\n"))
                    if "Ctrl-C stops all" in line:
                        break
                assert process.poll() is None, "\n".join(lines)
                yield lines
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.communicate(timeout=60)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    folder = tmp_path_factory.mktemp("checkout")
    make_checkout(folder)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "keys").mkdir()
    return Checkout(folder)


@dataclass(frozen=True)
class Past:
    """What happened while the cluster ran, without demo accounts and with its keys in another folder."""

    made: subprocess.CompletedProcess[str]
    login: requests.Response
    kids: set[str]


@pytest.fixture(scope="module")
def past(checkout) -> Past:
    ports = free_ports(len(SERVICES))
    settings = {
        service.port_setting: str(port) for service, port in zip(SERVICES.values(), ports, strict=True)
    }
    with (
        checkout.running(DEMO="0", KEYS_DIR="the keys", **settings) as printed,
        requests.Session() as session,
    ):
        session.trust_env = False
        (create,) = (line for line in printed if line.startswith("make auth "))
        made = checkout.shell(create, f"{PASSWORD}\n{PASSWORD}\n")
        gateway = f"http://127.0.0.1:{settings['GATEWAY_PORT']}"
        account = {"email": "you@example.com", "password": PASSWORD}
        login = session.post(f"{gateway}/login", json=account, timeout=30)
        keys = session.get(f"{gateway}/.well-known/jwks.json", timeout=30).json()["keys"]
    return Past(made, login, {key["kid"] for key in keys})


def test_command_before_first_run_suggests_run(tmp_path):
    make_checkout(tmp_path)
    command = [sys.executable, "tools/command.py", "auth-service", "accounts", "list"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: there are no databases and keys yet: run `make run` once\n"


def test_printed_command_creates_administrator(past):
    assert past.made.returncode == 0, past.made.stderr
    assert past.login.status_code == 200, past.login.text
    assert "admin" in claims_of(past.login.json()["access_token"])["scope"].split()


def test_command_adds_no_demo_accounts(checkout, past):
    done = checkout.auth("accounts list")
    assert "you@example.com" in done.stdout
    assert "alice@example.com" not in done.stdout


def test_command_uses_keys_of_last_run(checkout, past):
    listed = checkout.auth("keys list").stdout
    assert past.kids
    assert all(kid in listed for kid in past.kids)


def test_command_keeps_blanks_quotes_dollars(checkout, past):
    name = """Ann O'Hara "the $HOME" $(one)"""
    quoted = """'Ann O'\\''Hara "the $HOME" $(one)'"""
    done = checkout.auth(
        f"accounts create --email ann@example.com --name {quoted} --password {PASSWORD} --json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == name


def test_rejected_command_prints_reason(checkout, past):
    done = checkout.auth("accounts show nobody@example.com")
    assert done.returncode != 0
    assert "Error: no account has this subject" in done.stderr


def test_documented_backup_restores_databases(checkout, past):
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("\nTo back up, stop it")[2].partition("\n## ")[0]
    backup, restore = (block.partition("\n```")[0] for block in section.split("```sh\n")[1:])
    before = checkout.accounts()
    assert checkout.shell(backup).returncode == 0
    shutil.rmtree(checkout.folder / "var")
    done = checkout.shell(restore)
    assert done.returncode == 0, done.stderr
    assert "you@example.com" in before
    assert checkout.accounts() == before
