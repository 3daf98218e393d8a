"""The virtual environment: made, filled from the lock and kept up to date; nothing to do takes no time.

Usage: environment.py run|dev. Plain pip, and the standard library alone: this runs before anything is installed.
A new environment has the pip that its Python brings; with SETUP_PIP=oldest, the oldest that a release of this Python
brought, and with SETUP_PIP=newest, the newest that there is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Present while pip works: what is found after an interruption is thrown away, for half a package looks whole to pip.
UNFINISHED = VENV / ".unfinished"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
RUN_PACKAGES = (
    "libs/touchstone",
    "libs/service-kit",
    "auth-service",
    "users-service",
    "orders-service",
    "gateway",
)
PACKAGES = {"run": RUN_PACKAGES, "dev": (*RUN_PACKAGES, "libs/testkit")}
# The pip that the first release of each Python 3 brings, by its minor version.
OLDEST_PIPS = {11: "22.3", 12: "23.2.1", 13: "24.2", 14: "25.2"}


class SetupError(Exception):
    """A step failed; the message is for the person at the console."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print one progress line, with the seconds that its work took."""
    print(f"  {text} … ", end="", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - begin:.1f} s", flush=True)


@contextmanager
def alone() -> Iterator[None]:
    """Let one set-up at a time work on this checkout; the lock goes with the process, however it ends."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another set-up is at work here, waiting for it", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def call(*command: str | Path) -> None:
    """Run quietly; show what the command said only if it fails.

    Raises:
        SetupError: it failed.

    """
    done = subprocess.run(  # noqa: S603 (our own pip, no shell)
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(done.stdout.strip() or f"{command[0]} ended with code {done.returncode}")


def wanted(profile: str) -> dict[str, str]:
    """Describe a finished set-up: changes when anything that it was made from does."""
    digest = hashlib.sha256()
    for name in (LOCKS[profile], *(f"{package}/pyproject.toml" for package in PACKAGES[profile])):
        digest.update((ROOT / name).read_bytes())
    return {"root": str(ROOT), "made_from": digest.hexdigest()}


def stamp(profile: str) -> Path:
    """Where a finished set-up of this profile is noted."""
    return VENV / f".finished-{profile}"


def noted(profile: str) -> dict[str, str] | None:
    """Return what was noted last, if anything."""
    try:
        found = json.loads(stamp(profile).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def finished(profile: str) -> bool:
    """Whether nothing is to be done. A development set-up holds everything that running needs."""
    profiles = ("run", "dev") if profile == "run" else ("dev",)
    return (
        not UNFINISHED.exists()
        and not other_python_asked()
        and any(noted(each) == wanted(each) for each in profiles)
    )


def other_python_asked() -> bool:
    """Whether PYTHON= names another interpreter than the one that .venv was made from."""
    if not os.environ.get("PYTHON") or sys.prefix == str(VENV):
        return False
    try:
        lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return True
    home = dict(line.split(" = ", 1) for line in lines if " = " in line).get("home", "")
    base = getattr(sys, "_base_executable", sys.executable)
    return Path(home).resolve() != Path(base).parent.resolve()


def usable() -> bool:
    """Whether the environment that is there can be built upon."""
    moved = any((noted(each) or {"root": str(ROOT)}).get("root") != str(ROOT) for each in LOCKS)
    if UNFINISHED.exists() or moved or other_python_asked() or not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603 (our own Python)


def asked_pip() -> str:
    """Return the pip that SETUP_PIP asks for, empty for the one that Python brings.

    Raises:
        SetupError: it asks for another one.

    """
    asked = os.environ.get("SETUP_PIP", "")
    pips = {"": "", "oldest": f"pip=={OLDEST_PIPS.get(sys.version_info.minor)}", "newest": "pip"}
    if asked not in pips:
        raise SetupError(f"SETUP_PIP={asked} is neither `oldest` nor `newest`")
    return pips[asked]


def make_new() -> None:
    """Make an empty environment, whatever was there before."""
    pip = asked_pip()
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    for child in VENV.iterdir():
        if child == UNFINISHED:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    call(getattr(sys, "_base_executable", sys.executable), "-m", "venv", VENV)
    if pip:
        call(PYTHON, "-m", "pip", "install", "--upgrade", pip)


def fill(profile: str) -> None:
    """Install the locked packages, each checked by its hash, then our own as editable."""
    UNFINISHED.touch()
    for each in LOCKS:
        stamp(each).unlink(missing_ok=True)
    pip = (PYTHON, "-m", "pip", "--quiet", "install")
    with step(f"installing what {LOCKS[profile]} names (the first time takes a minute)"):
        call(*pip, "--require-hashes", "--no-deps", "-r", LOCKS[profile])
    with step("installing our own packages"):
        editable = [part for package in PACKAGES[profile] for part in ("-e", f"./{package}")]
        call(*pip, "--no-index", "--no-deps", "--no-build-isolation", *editable)
    with step("checking that nothing is missing"):
        call(PYTHON, "tools/missing.py", *PACKAGES[profile], *(["."] if profile == "dev" else []))
    stamp(profile).write_text(json.dumps(wanted(profile)))
    UNFINISHED.unlink()


def main(profile: str) -> int:
    """Bring .venv to what the profile wants; 0 when it is there."""
    if finished(profile):
        return 0
    try:
        with alone():
            if finished(profile):  # by the one we waited for
                return 0
            print(f"setting up .venv with Python {sys.version.split()[0]}", flush=True)
            if not usable():
                with step("making the virtual environment"):
                    make_new()
            fill(profile)
    except SetupError as error:
        print(
            f"\n{error}\n\nerror: the set-up failed, see above; `make` tries again where it makes sense",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nset-up interrupted; the next one starts afresh", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:  # noqa: PLR2004 (a program and its one argument)
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
