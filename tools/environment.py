"""The virtual environment: made, filled from the lock and kept up to date; nothing to do takes no time.

Usage: environment.py run|dev. Uses the standard library alone: this runs before anything is installed.
pip installs uv, and uv all else, in a tenth of pip's time; it asks the package indexes that pip is set up to ask.
A new environment has the pip that its Python brings; with SETUP_PIP=oldest, the oldest that a release of this Python
brought, and with SETUP_PIP=newest, the newest that there is.
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
# Present while packages are installed: an environment that still has it was interrupted, and is made again.
UNFINISHED = VENV / ".unfinished"
INSTALLER_LOCK = "requirements-installer.lock"
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
# What uv calls the settings of pip that say where packages come from.
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


def call(*command: str | Path, **settings: str) -> str:
    """Run quietly with these environment variables; return what the command said.

    Raises:
        SetupError: it failed, with what it said.

    """
    done = subprocess.run(  # noqa: S603 (our own pip, no shell)
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


def wanted(profile: str) -> dict[str, str]:
    """Describe a finished set-up: changes when anything that it was made from does."""
    digest = hashlib.sha256()
    locks = (INSTALLER_LOCK, LOCKS["run"], LOCKS[profile])
    for name in (*locks, *(f"{package}/pyproject.toml" for package in PACKAGES[profile])):
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


def uv_settings(listed: str) -> dict[str, str]:
    """Return the environment in which uv asks the indexes that pip asks; what is set for uv itself stays.

    `listed` is what `pip config list` says.
    """
    said: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # a later one wins, as in pip
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                said[name.removeprefix(f"{section}.").lstrip(".")] = str(ast.literal_eval(value))
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # the hashes say which file is right
    for name, variable in UV_NAMES.items():
        if name in LISTS:
            between = "," if variable == "UV_FIND_LINKS" else " "
            found[variable] = between.join(filter(is_there, said.get(name, "").split()))
        elif name in said:
            found[variable] = said[name]
    return {name: value for name, value in found.items() if value and name not in os.environ}


def is_there(place: str) -> bool:
    """Whether an index or a folder of packages exists, as far as this machine can tell: uv stops where one does not."""
    path = unquote(place.removeprefix("file://"))
    return not path.startswith("/") or Path(path).exists()


def fill(profile: str) -> None:
    """Install the locked packages, each checked by its hash, then our own as editable."""
    UNFINISHED.touch()
    for each in LOCKS:
        stamp(each).unlink(missing_ok=True)
    locked = ("--quiet", "--require-hashes", "--no-deps", "-r")
    with step("installing uv"):
        call(PYTHON, "-m", "pip", "install", "--no-compile", *locked, INSTALLER_LOCK)
    uv = (VENV / "bin" / "uv", "pip", "install", "--python", PYTHON)
    settings = uv_settings(call(PYTHON, "-m", "pip", "config", "list"))
    with step(f"installing what {LOCKS['run']} names"):
        # Here once: the services would all do it at their first start, each for itself.
        compiled = os.environ.get("UV_COMPILE_BYTECODE", "1")
        call(*uv, *locked, LOCKS["run"], **{"UV_COMPILE_BYTECODE": compiled, **settings})
    if profile == "dev":
        with step(f"installing what {LOCKS['dev']} names"):
            call(*uv, *locked, LOCKS["dev"], **settings)
    with step("installing our own packages"):
        editable = [part for package in PACKAGES[profile] for part in ("-e", f"./{package}")]
        call(*uv, "--quiet", "--offline", "--no-deps", "--no-build-isolation", *editable)
    with step("checking that nothing is missing"):
        call(PYTHON, "tools/unmet_requirements.py", *PACKAGES[profile], *(["."] if profile == "dev" else []))
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
