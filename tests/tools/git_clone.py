"""Git without the user's configuration, and a clone of this working tree, which may come from an archive."""

import os
import subprocess
from pathlib import Path

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


def clone_tree(folder: Path, *options: str) -> Path:
    """Clone the files of the working tree that git does not ignore into `folder`/clone, and return that."""
    repository = folder / "repository"
    git("init", "--quiet", "--bare", repository, cwd=folder)
    here = (f"--git-dir={repository}", f"--work-tree={ROOT}")
    git(*here, "add", "--all", cwd=ROOT)
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    git(*here, *who, "commit", "--quiet", "--message=all", cwd=ROOT)
    git("clone", "--quiet", *options, repository, "clone", cwd=folder)
    return folder / "clone"
