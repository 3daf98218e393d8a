"""A checkout for the tools: they find its folder by their own place, and in it the services."""

import shutil
from pathlib import Path

from testkit.cluster import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def make_checkout(folder: Path) -> Path:
    """Copy the tools into `folder`, beside links to the services; return the folder."""
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SERVICES:
        (folder / name).symlink_to(ROOT / name)
    return folder
