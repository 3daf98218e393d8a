"""npm packages, for tests that run JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest


def install_packages(source: Path, folder: Path) -> Path:
    """Copy `source` to `folder`, install the packages of its lock file there, and return `folder`; skip without npm."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder
