"""Make the virtual environment, install the locked packages, keep them up to date.

Usage: environment.py run|dev. This uses the standard library alone, because it runs before anything is installed.
pip installs uv, and uv the rest in a tenth of pip's time, from the package indexes that pip is configured to use.
A new environment has the pip of its Python; with SETUP_PIP=oldest, the oldest that a release of this Python brought,
and with SETUP_PIP=newest, the newest.
"""

from __future__ import annotations

import ast
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
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Exists while packages are installed. An environment that still has it was interrupted and is made again.
UNFINISHED = VENV / ".unfinished"
INSTALLER_LOCK = "requirements-installer.lock"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
SERVICES = sorted(file.parent.name for file in ROOT.glob("*-service/pyproject.toml"))
RUN_PACKAGES = ("libs/touchstone", "libs/service-kit", *SERVICES, "gateway")
PACKAGES = {"run": RUN_PACKAGES, "dev": (*RUN_PACKAGES, "libs/testkit")}
# uv's names for the settings of pip that say where packages come from.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
LISTS = {"extra-index-url", "find-links", "trusted-host"}
# The pip of the first release of each Python 3, by minor version.
OLDEST_PIPS = {11: "22.3", 12: "23.2.1", 13: "24.2", 14: "25.2"}


class SetupError(Exception):
    """A step failed; the message is printed."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print one progress line with the seconds that the block took."""
    print(f"  {text} … ", end="", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - begin:.1f} s", flush=True)


@contextmanager
def setup_lock() -> Iterator[None]:
    """Hold the lock of this checkout, so that one set-up at a time works on it; the lock ends with the process."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another set-up is running here; waiting for it", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def call(*command: str | Path, **settings: str) -> str:
    """Run a command with these environment variables and return its output.

    Raises:
        SetupError: the command failed; the message is its output.

    """
    done = subprocess.run(  # noqa: S603 - our own pip, no shell
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(done.stdout.strip() or f"{command[0]} ended with code {done.returncode}")
    return done.stdout


def wanted_setup(profile: str) -> dict[str, str]:
    """Return the description of a finished set-up: where it is, and a digest of the files that it is made from."""
    digest = hashlib.sha256()
    locks = (INSTALLER_LOCK, LOCKS["run"], LOCKS[profile])
    for name in (*locks, *(f"{package}/pyproject.toml" for package in PACKAGES[profile])):
        digest.update((ROOT / name).read_bytes())
    return {"root": str(ROOT), "made_from": digest.hexdigest()}


def stamp(profile: str) -> Path:
    """Return the file that describes the finished set-up of a profile."""
    return VENV / f".finished-{profile}"


def finished_setup(profile: str) -> dict[str, str] | None:
    """Return the description of the last finished set-up, None if there is none."""
    try:
        found = json.loads(stamp(profile).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_up_to_date(profile: str) -> bool:
    """Return whether the environment is up to date. A development set-up has everything that running needs."""
    profiles = ("run", "dev") if profile == "run" else ("dev",)
    return (
        not UNFINISHED.exists()
        and not other_python_named()
        and any(finished_setup(each) == wanted_setup(each) for each in profiles)
    )


def other_python_named() -> bool:
    """Return whether PYTHON= names another interpreter than the one that .venv was made from."""
    if not os.environ.get("PYTHON") or sys.prefix == str(VENV):
        return False
    try:
        lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return True
    home = dict(line.split(" = ", 1) for line in lines if " = " in line).get("home", "")
    base = getattr(sys, "_base_executable", sys.executable)
    return Path(home).resolve() != Path(base).parent.resolve()


def is_usable() -> bool:
    """Return whether packages can be installed into the environment as it is."""
    moved = any((finished_setup(each) or {"root": str(ROOT)}).get("root") != str(ROOT) for each in LOCKS)
    if UNFINISHED.exists() or moved or other_python_named() or not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603 - our own Python


def pip_requirement() -> str:
    """Return the requirement that SETUP_PIP stands for, empty for the pip of Python.

    Raises:
        SetupError: SETUP_PIP has another value.

    """
    asked = os.environ.get("SETUP_PIP", "")
    pips = {"": "", "oldest": f"pip=={OLDEST_PIPS.get(sys.version_info.minor)}", "newest": "pip"}
    if asked not in pips:
        raise SetupError(f"SETUP_PIP={asked} is neither `oldest` nor `newest`")
    return pips[asked]


def make_environment() -> None:
    """Make an empty environment in place of the old one."""
    pip = pip_requirement()
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


def uv_settings(listed: str) -> dict[str, str]:
    """Return the environment in which uv uses the package indexes of pip; settings of uv itself keep their values.

    `listed` is the output of `pip config list`.
    """
    said: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the last one counts, as in pip
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                said[name.removeprefix(f"{section}.").lstrip(".")] = str(ast.literal_eval(value))
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # hashes decide which file is right
    for name, variable in UV_NAMES.items():
        if name in LISTS:
            between = "," if variable == "UV_FIND_LINKS" else " "
            found[variable] = between.join(filter(may_exist, said.get(name, "").split()))
        elif name in said:
            found[variable] = said[name]
    return {name: value for name, value in found.items() if value and name not in os.environ}


def may_exist(place: str) -> bool:
    """Return False for a folder that does not exist on this machine, because uv fails at one."""
    path = unquote(place.removeprefix("file://"))
    return not path.startswith("/") or Path(path).exists()


def install(profile: str) -> None:
    """Install the locked packages, checked by their hashes, then our own as editable."""
    UNFINISHED.touch()
    for each in LOCKS:
        stamp(each).unlink(missing_ok=True)
    locked = ("--quiet", "--require-hashes", "--no-deps", "-r")
    with step("installing uv"):
        call(PYTHON, "-m", "pip", "install", "--no-compile", *locked, INSTALLER_LOCK)
    uv = (VENV / "bin" / "uv", "pip", "install", "--python", PYTHON)
    settings = uv_settings(call(PYTHON, "-m", "pip", "config", "list"))
    with step(f"installing {LOCKS['run']}"):
        # Compiled once here; else each service compiles everything at its first start.
        compiled = os.environ.get("UV_COMPILE_BYTECODE", "1")
        call(*uv, *locked, LOCKS["run"], **{"UV_COMPILE_BYTECODE": compiled, **settings})
    if profile == "dev":
        with step(f"installing {LOCKS['dev']}"):
            call(*uv, *locked, LOCKS["dev"], **settings)
    with step("installing our own packages"):
        editable = [part for package in PACKAGES[profile] for part in ("-e", f"./{package}")]
        call(*uv, "--quiet", "--offline", "--no-deps", "--no-build-isolation", *editable)
    with step("checking requirements"):
        call(PYTHON, "tools/unmet_requirements.py", *PACKAGES[profile], *(["."] if profile == "dev" else []))
    stamp(profile).write_text(json.dumps(wanted_setup(profile)))
    UNFINISHED.unlink()


def main(profile: str) -> int:
    """Bring .venv up to date for a profile; return the exit code."""
    if is_up_to_date(profile):
        return 0
    try:
        with setup_lock():
            if is_up_to_date(profile):  # by the set-up that held the lock
                return 0
            print(f"setting up .venv with Python {sys.version.split()[0]}", flush=True)
            if not is_usable():
                with step("making the virtual environment"):
                    make_environment()
            install(profile)
    except SetupError as error:
        print(
            f"\n{error}\n\nerror: the set-up failed, see above; the next `make` tries again", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\nset-up interrupted; the next `make` starts again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:  # noqa: PLR2004 - a program and its one argument
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
