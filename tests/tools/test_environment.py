"""`make setup` in a checkout of its own: every pip of a supported Python installs both locks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import environment

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("tools", "libs", *(folder.name for folder in ROOT.glob("*-service")), "gateway")


@pytest.fixture
def checkout(tmp_path) -> Iterator[Path]:
    """A copy of the files that a set-up reads, without an environment."""
    junk = shutil.ignore_patterns("tests", "__pycache__", "*.egg-info", "node_modules")
    for name in NEEDED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=junk)
    for name in ("pyproject.toml", *(file.name for file in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / name, tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)  # hundreds of megabytes


def set_up(checkout: Path, profile: str, **settings: str) -> subprocess.CompletedProcess[str]:
    settings = {"SETUP_PIP": "", "PYTHON": "", "UV_COMPILE_BYTECODE": "0"} | settings
    command = [sys.executable, "tools/environment.py", profile]
    return subprocess.run(
        command,
        cwd=checkout,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize("pip", ["oldest", "newest"])
def test_set_up_with_pip_installs_both_locks(checkout, pip):
    for profile in ("run", "dev"):
        done = set_up(checkout, profile, SETUP_PIP=pip)
        assert done.returncode == 0, done.stdout + done.stderr


def test_set_up_with_unknown_pip_lists_choices(checkout):
    done = set_up(checkout, "run", SETUP_PIP="ancient")
    assert done.returncode == 1
    assert "SETUP_PIP=ancient is neither `oldest` nor `newest`" in done.stderr


def test_uv_uses_the_indexes_of_pip(tmp_path, monkeypatch):
    for name in environment.UV_NAMES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "5")
    listed = f"""\
:env:.index-url='https://a.example/simple'
download.no-index='1'
global.cert='/a folder/ca.pem'
global.index-url='https://other.example/simple'
global.extra-index-url='https://b.example/simple file://{tmp_path} file:///not/there'
:env:.find-links='{tmp_path} https://c.example/wheels'
:env:.timeout='180'
global.no-input='1'
"""
    assert environment.uv_settings(listed) == {
        "UV_DEFAULT_INDEX": "https://a.example/simple",
        "UV_INDEX": f"https://b.example/simple file://{tmp_path}",
        "UV_FIND_LINKS": f"{tmp_path},https://c.example/wheels",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/a folder/ca.pem",
    }
