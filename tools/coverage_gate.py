"""Compare the coverage of each package, with branches, with the least that it must have."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import CoverageException

ROOT = Path(__file__).resolve().parent.parent
# Other projects build on the library, so every branch of it must be covered.
REQUIRED = {
    "touchstone": ("libs/touchstone", 100.0),
    "service_kit": ("libs/service-kit", 90.0),
    "gateway": ("gateway", 90.0),
} | {
    file.parent.name.replace("-", "_"): (file.parent.name, 90.0)
    for file in sorted(ROOT.glob("*-service/pyproject.toml"))
}


def main() -> int:
    """Print a line for each package; return 1 if one has too little."""
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"))
    coverage.load()
    short = []
    for package, (folder, required) in REQUIRED.items():
        details = io.StringIO()
        try:
            reached = coverage.report(include=[str(ROOT / folder / "src" / "*")], file=details)
        except CoverageException as error:
            reached, details = 0.0, io.StringIO(f"{error}\n")
        print(f"  coverage of {package:<15} {reached:6.2f} %   (required: {required:g} %)")
        if reached < required:
            short.append(details.getvalue())
    for details_of_one in short:
        print(f"\n{details_of_one}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
