"""The lines of docs/operations.md for backup and restore, as an operator pastes them."""

import os
import subprocess
from pathlib import Path

import pytest
from testkit.concurrency import wait_for

ROOT = Path(__file__).resolve().parents[2]
LATER = "DROP TABLE IF EXISTS later; CREATE TABLE later (number int)"


@pytest.fixture
def paste(tmp_path):
    """`paste(heading)`: run the shell lines under that heading, in an empty folder."""
    files = os.environ.get("COMPOSE_FILE", "docker-compose.yml").split(os.pathsep)
    settings = {
        "COMPOSE_FILE": os.pathsep.join(str(ROOT / file) for file in files),
        "COMPOSE_PROJECT_NAME": os.environ["TOUCHSTONE_COMPOSE_PROJECT"],
    }
    text = (ROOT / "docs" / "operations.md").read_text()

    def run(heading):
        section = text.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
        lines = section.partition("\n```sh\n")[2].partition("\n```\n")[0]
        assert lines
        done = subprocess.run(
            ["sh", "-e", "-c", lines],
            cwd=tmp_path,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_restored_backup_serves_as_before(compose, gateway, new_user, place_order, paste):
    person = new_user()
    token = person.token
    kept = place_order(token).json()["id"]
    paste("Backup")
    lost, late = place_order(token).json()["id"], new_user()
    compose.inside("postgres", "psql", "-U", "postgres", "-d", "auth", "-c", LATER)  # as an upgrade makes one
    compose("run", "--rm", "-T", "keys", "sh", "-c", "rm /keys/signing/*")

    paste("Restore")

    wait_for(lambda: gateway("GET", f"/orders/{kept}", token=token).status_code == 200)
    assert gateway("GET", f"/orders/{lost}", token=token).status_code == 404
    login = {"email": late.email, "password": late.password}
    assert gateway("POST", "/login", json=login).status_code == 401
    assert place_order(person.log_in()["access_token"]).status_code == 201
    tables = compose.inside("postgres", "psql", "-U", "postgres", "-d", "auth", "-c", "\\dt").stdout
    assert "accounts" in tables
    assert "later" not in tables
