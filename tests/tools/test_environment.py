"""`make setup` on a checkout of its own: every pip that a supported Python may have installs both locks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("tools", "libs", "auth-service", "users-service", "orders-service", "gateway")


@pytest.fixture
def checkout(tmp_path) -> Iterator[Path]:
    """A copy of what a set-up reads, with no environment yet."""
    junk = shutil.ignore_patterns("tests", "__pycache__", "*.egg-info", "node_modules")
    for name in NEEDED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=junk)
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)  # hundreds of megabytes


def set_up(checkout: Path, profile: str, **settings: str) -> subprocess.CompletedProcess[str]:
    settings = {"PIP_COMPILE": "0", "SETUP_PIP": "", "PYTHON": ""} | settings
    command = [sys.executable, "tools/environment.py", profile]
    return subprocess.run(
        command,
        cwd=checkout,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )


@pytest.mark.parametrize("pip", ["oldest", "newest"])
def test_set_up_with_any_pip_installs_both_locks(checkout, pip):
    for profile in ("run", "dev"):
        done = set_up(checkout, profile, SETUP_PIP=pip)
        assert done.returncode == 0, done.stdout + done.stderr


def test_set_up_with_an_unknown_pip_says_the_choice(checkout):
    done = set_up(checkout, "run", SETUP_PIP="ancient")
    assert done.returncode == 1
    assert "SETUP_PIP=ancient is neither `oldest` nor `newest`" in done.stderr
