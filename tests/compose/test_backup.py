"""Backup and restore by the commands of docs/operations.md."""

import os
import subprocess
from pathlib import Path

import pytest
from testkit.concurrency import wait_for

ROOT = Path(__file__).resolve().parents[2]
LATER = "DROP TABLE IF EXISTS later; CREATE TABLE later (number int)"


@pytest.fixture
def run_section(tmp_path):
    """`run_section(heading)`: run the shell commands of that section, in an empty folder."""
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


def test_restored_backup_serves_as_before(compose, gateway, new_user, place_order, run_section):
    user = new_user()
    token = user.token
    kept = place_order(token).json()["id"]
    run_section("Backup")
    lost, late = place_order(token).json()["id"], new_user()
    compose.inside(
        "postgres", "psql", "-U", "postgres", "-d", "auth", "-c", LATER
    )  # as a later migration would
    compose("run", "--rm", "-T", "keys", "sh", "-c", "rm /keys/signing/*")

    run_section("Restore")

    wait_for(lambda: gateway("GET", f"/orders/{kept}", token=token).status_code == 200)
    assert gateway("GET", f"/orders/{lost}", token=token).status_code == 404
    assert gateway("POST", "/login", json=late.credentials).status_code == 401
    assert place_order(user.log_in()["access_token"]).status_code == 201
    tables = compose.inside("postgres", "psql", "-U", "postgres", "-d", "auth", "-c", "\\dt").stdout
    assert "accounts" in tables
    assert "later" not in tables
