"""Check that this Python's environment meets what folders' `pyproject.toml` require, extras included.

The locks are installed as they are and nothing is resolved, so a package that a lock forgot shows here.

Usage: missing.py FOLDER...; a `dev` group counts too. Exit code: 0, or 1 and one line for each unmet requirement.
"""

from __future__ import annotations

import sys
import tomllib
from collections import deque
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def required(folder: Path) -> list[tuple[Requirement, str]]:
    """Return what a folder's `pyproject.toml` requires, each beside the folder's name."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    lines = settings.get("project", {}).get("dependencies", [])
    return [
        (Requirement(line), str(folder))
        for line in lines + settings.get("dependency-groups", {}).get("dev", [])
    ]


def applies(requirement: Requirement, extras: Iterable[str] = ("",)) -> bool:
    """Whether a requirement holds on this platform, for any of the extras that were asked for."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def unmet(roots: Iterable[tuple[Requirement, str]]) -> list[str]:
    """Follow requirements through what is installed; return one line for each that is not met."""
    faults = []
    queue = deque((each, by) for each, by in roots if applies(each))
    seen = set()
    while queue:
        requirement, by = queue.popleft()
        requirement.marker = None
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            faults.append(f"{requirement} is missing; {by} requires it")
            continue
        if not requirement.specifier.contains(found.version, prereleases=True):
            faults.append(f"{requirement} is required by {by}, but {found.version} is installed")
        nested = (Requirement(line) for line in found.requires or ())
        extras = ("", *requirement.extras)
        queue.extend((each, requirement.name) for each in nested if applies(each, extras))
    return faults


if __name__ == "__main__":
    faults = unmet(each for folder in sys.argv[1:] for each in required(Path(folder)))
    sys.exit("\n".join(faults) or 0)
