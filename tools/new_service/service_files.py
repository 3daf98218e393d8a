"""The files of a service: its folder, made from the template, and its rows in files of other parts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.oauth.errors import InvalidRegistration
from gateway.routing.routes import RoutesError, load_routes

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
TEMPLATE = Path(__file__).with_name("template")
REGISTRY = "auth-service/src/auth_service/registry.toml"
ROUTES = "gateway/src/gateway/routing/routes.toml"
COMPOSE = "docker-compose.yml"
END = re.compile(r"\Z")
# The file of rows in the template -> the file that gets them, and what they come after.
ROWS = {
    "registry.toml": (REGISTRY, END),
    "role.toml": (
        REGISTRY,
        re.compile(r"^\[roles\.customer\]\n(?:(?!\[).*\n)*?scopes = \[\n(?:(?!\]).*\n)*", re.MULTILINE),
    ),
    "routes.toml": (ROUTES, END),
    "compose-keys.yml": (
        COMPOSE,
        re.compile(r"^ +- \S+:/out/.*\n(?: +(?:- \S+:/out/|#).*\n)*", re.MULTILINE),
    ),
    "compose-services.yml": (COMPOSE, re.compile(r"(?=^  gateway:\n)", re.MULTILINE)),
    "compose-volumes.yml": (COMPOSE, END),
    "README.md": ("README.md", re.compile(r"(?:^\| \S+-service \| \d+ \|.*\n)+", re.MULTILINE)),
}
GENERATED = ("deploy/envoy/envoy.yaml", "deploy/envoy/authz.args")


class FaultError(Exception):
    """What is wrong, in one line or several; nothing was changed."""


def read(file: str) -> dict[str, Any]:
    """Return the content of a TOML file of this repository; raise FaultError."""
    try:
        return tomllib.loads((ROOT / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FaultError(f"{file} cannot be read: {error}") from None


def rows_of(service: str) -> re.Pattern[str]:
    """Return the pattern of the rows of a service, with a blank line before them."""
    begin, end = (f"[ \t]*# {word} {re.escape(service)}\n" for word in ("begin", "end"))
    return re.compile(rf"(?:(?<=\n)\n)?{begin}(?s:.*?){end}|^\| {re.escape(service)} \|.*\n", re.MULTILINE)


def removable() -> list[str]:
    """Return the names of the services that this tool has made."""
    text = (ROOT / ROUTES).read_text(encoding="utf-8")
    return re.findall(r"^# begin (\S+)-service$", text, re.MULTILINE)


def with_rows(folder: Path) -> dict[Path, str]:
    """Return the new texts of the files that get the rows in `folder`; raise FaultError if a place is not found."""
    texts: dict[Path, str] = {}
    for name, (file, place) in ROWS.items():
        text = texts.get(ROOT / file) or (ROOT / file).read_text(encoding="utf-8")
        found = place.search(text)
        if found is None:
            raise FaultError(
                f"{file} has no place for the rows of tools/new_service/template/rows/{name}.jinja"
            )
        at, block = found.end(), (folder / name).read_text(encoding="utf-8")
        texts[ROOT / file] = text[:at] + ("\n" if place is END else "") + block + text[at:]
    return texts


def without_rows(service: str) -> dict[Path, str]:
    """Return the new texts of the files that have rows of this service."""
    files = {ROOT / file for file, _ in ROWS.values()}
    return {file: rows_of(service).sub("", file.read_text(encoding="utf-8")) for file in files}


@contextmanager
def undone_on_failure(source: Path, target: Path) -> Iterator[None]:
    """Move a folder in the block; if it fails, move it back and restore the files that the rows are in."""
    files = [ROOT / name for name in {*(file for file, _ in ROWS.values()), *GENERATED}]
    before = {file: file.read_bytes() for file in files}
    try:
        yield
    except BaseException:
        if target.exists():
            target.rename(source)
        for file, content in before.items():
            if file.read_bytes() != content:  # what could not be written is as it was
                file.write_bytes(content)
        raise


def move(source: Path, target: Path, texts: dict[Path, str]) -> None:
    """Move a folder, write these texts and what is generated from them, and check the result; raise FaultError.

    If that fails, nothing is changed. Both places are on one file system.
    """
    with undone_on_failure(source, target):
        if source.exists():
            source.rename(target)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        check()
        call("tools/envoy_config.py")


def check() -> None:
    """Read the registry and the routes as auth-service and the gateway do; raise FaultError."""
    try:
        packaged_rows()
        load_routes()
    except InvalidRegistration as error:
        raise FaultError("\n".join(f"{REGISTRY}: {fault}" for fault in error.faults)) from None
    except RoutesError as error:
        raise FaultError(str(error)) from None


def call(*words: str | Path) -> None:
    """Run a command of this environment, without the user's settings; raise FaultError with its output if it fails."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, check=False)  # noqa: S603 - our own Python
    if done.returncode != 0:
        raise FaultError((done.stderr or done.stdout).strip())


def render(name: str, port: int, folder: Path) -> None:
    """Write the folder of a service and its rows (`rows/`) into `folder`."""
    import copier  # takes half a second

    copier.run_copy(str(TEMPLATE), folder, data={"name": name, "port": port}, defaults=True, quiet=True)
    # The length of a name decides about line breaks, and its letters about the order of imports.
    style = ("--quiet", "--config", ROOT / "pyproject.toml", folder / f"{name}-service")
    call("-m", "ruff", "check", "--fix-only", "--select=I", *style)
    call("-m", "ruff", "format", *style)
