"""A clone as Git for Windows makes it (`core.autocrlf=true`) holds the same bytes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(*arguments: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | QUIET
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("git"), reason="needs git (Debian, Ubuntu: apt install git)")
def test_clone_with_autocrlf_has_no_crlf(tmp_path):
    repository = tmp_path / "repository"  # of the working tree, which may come from an archive
    git("init", "--quiet", "--bare", repository, cwd=tmp_path)
    here = (f"--git-dir={repository}", f"--work-tree={ROOT}")
    git(*here, "add", "--all", cwd=ROOT)
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    git(*here, *who, "commit", "--quiet", "--message=all", cwd=ROOT)
    git("clone", "--quiet", "--config=core.autocrlf=true", repository, "clone", cwd=tmp_path)
    lines = git("ls-files", "--eol", cwd=tmp_path / "clone").splitlines()
    assert len(lines) > 500
    assert [line for line in lines if "w/crlf" in line or "w/mixed" in line] == []
