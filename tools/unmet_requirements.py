"""Check that this environment meets the requirements of `pyproject.toml` files, with extras and a `dev` group.

The locks are installed without resolving, so a package that is missing in a lock is found here.

Usage: unmet_requirements.py FOLDER…   Exit code: 0, or 1 with one line for each unmet requirement.
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
    """Return the requirements of a folder's `pyproject.toml`, each with the folder's name."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    lines = settings.get("project", {}).get("dependencies", [])
    return [
        (Requirement(line), str(folder))
        for line in lines + settings.get("dependency-groups", {}).get("dev", [])
    ]


def applies(requirement: Requirement, extras: Iterable[str] = ("",)) -> bool:
    """Return whether a requirement applies to this platform, for any of these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def unmet(roots: Iterable[tuple[Requirement, str]]) -> list[str]:
    """Follow the requirements of all installed packages; return one line for each that is not met."""
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
