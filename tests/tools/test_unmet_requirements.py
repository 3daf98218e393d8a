"""The requirements that `tools/unmet_requirements.py` reports in small environments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def install(site: Path, name: str, version: str, *requires: str) -> None:
    """Put a distribution's metadata where Python looks for it."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
    (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")


def check(folder: Path, *dependencies: str) -> tuple[int, str]:
    """Return the exit code and the output of a check of one package with these dependencies."""
    listed = ", ".join(f'"{each}"' for each in dependencies)
    (folder / "pyproject.toml").write_text(f"[project]\ndependencies = [{listed}]\n")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "unmet_requirements.py", "."],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def site(tmp_path) -> Path:
    return tmp_path / "site"


def test_met_requirement_is_not_reported(tmp_path, site):
    install(site, "stone-one", "1.5", "stone-two>=2; extra == 'more'", "stone-three; sys_platform == 'none'")
    install(site, "stone-two", "2.0rc1", "stone-one[more]")
    assert check(tmp_path, "Stone_One>=1", "stone-nine; python_version < '3'") == (0, "")


@pytest.mark.parametrize(
    ("dependency", "fault"),
    [
        ("stone-nine>=1", "stone-nine>=1 is missing; . requires it"),
        ("stone-one>=2", "stone-one>=2 is required by ., but 1.5 is installed"),
        ("stone-one[more]", "stone-two is missing; stone-one requires it"),
        ("stone-four", "stone-two is missing; stone-one requires it"),
    ],
    ids=["direct", "version", "extra", "nested-extra"],
)
def test_unmet_requirement_is_reported(tmp_path, site, dependency, fault):
    install(site, "stone-one", "1.5", "stone-two; extra == 'more'")
    install(site, "stone-four", "1.0", "stone-one[more]")
    assert check(tmp_path, dependency) == (1, f"{fault}\n")
