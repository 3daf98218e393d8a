"""What may not be in the tree: keys, databases, registries' addresses in locks, paths of a machine, impatient browser tests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = re.compile(r"\.lock$|requirements[^/]*\.txt$|package-lock\.json$|\.npmrc$|pip\.conf$")
NEVER_TRACKED = re.compile(r"\.(sqlite3?|db|pem|key|pyc)$|(^|/)\.env$|(^|/)__pycache__/")
PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{16}")
URL = re.compile(rb"https?://")
IMPATIENT = re.compile(
    rb"assert .*(\.(is_[a-z]+|inner_\w+|text_content|input_value|get_attribute|count|title|all_\w+)\(|\bpage\.url\b)"
)


def faults(name: str, content: bytes) -> Iterator[str]:
    """Name what is wrong with one file."""
    if NEVER_TRACKED.search(name):
        yield "is made on a machine and belongs to it alone"
    if PRIVATE_KEY.search(content):
        yield "holds a private key"
    if LOCKS.search(name) and URL.search(content):
        yield "names an address: lock without URLs, so that every machine asks its own registry"
    if name.startswith("tests/browser/") and IMPATIENT.search(content):
        yield "asserts what a page shows without waiting for it: playwright's `expect` waits"
    here = {str(ROOT), str(Path.home())} - {"/"}
    if any(f"{place}/".encode() in content for place in here):
        yield "names a path of this machine"


def main() -> int:
    """Look at every tracked file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607 (git)
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    found = [f"{name}: {fault}" for name in names for fault in faults(name, (ROOT / name).read_bytes())]
    for line in found:
        print(line, file=sys.stderr)
    print(f"  {len(names)} files of the tree: {len(found) or 'no'} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
